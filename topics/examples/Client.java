// SPDX-License-Identifier: Apache-2.0
// Sends a command, then reads what it did from whichever replica answers.
// With org.apache.kafka:kafka-clients and com.fasterxml.jackson.core:jackson-databind in lib:
// java -cp 'lib/*' Client.java
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.time.Duration;
import java.util.*;
import java.util.concurrent.TimeoutException;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.*;

public class Client {
    static final String BROKERS = System.getenv().getOrDefault("BROKERS", "localhost:9092");
    static final String PREFIX = System.getenv().getOrDefault("B_TOPIC_PREFIX", "");
    static final String KEY = "Client.java"; // of requests, and so of their replies
    static final ObjectMapper JSON = new ObjectMapper();
    // both are the defaults, since kafka-clients 3.0
    static final Producer<String, String> PRODUCER = new KafkaProducer<>(
        Map.of("bootstrap.servers", BROKERS, "enable.idempotence", true, "acks", "all"),
        new StringSerializer(), new StringSerializer());

    /** The record's offset, once Kafka has it for good. */
    static long produce(String topic, String key, Map<String, ?> message) throws Exception {
        var record = new ProducerRecord<>(PREFIX + topic, key, JSON.writeValueAsString(message));
        return PRODUCER.send(record).get().offset();
    }

    /** The token: the min_offset of requests that are to see the command. */
    static long send(String command, Map<String, ?> params) throws Exception {
        return produce("command", null, Map.of("command", command, "params", params)) + 1;
    }

    /** The pages of the reply. */
    static List<JsonNode> ask(String query, Map<String, ?> params, long token, Duration timeout) throws Exception {
        // isolation.level=read_committed is not the default; no group, nothing to commit: assign
        try (var consumer = new KafkaConsumer<>(
                Map.of("bootstrap.servers", BROKERS, "enable.auto.commit", false, "isolation.level", "read_committed"),
                new StringDeserializer(), new StringDeserializer())) {
            var parts = consumer.partitionsFor(PREFIX + "response").stream()
                .map(p -> new TopicPartition(p.topic(), p.partition())).toList();
            consumer.assign(parts);
            consumer.seekToEnd(parts);
            parts.forEach(consumer::position); // known before the request is sent: no reply is missed
            var id = UUID.randomUUID().toString();
            produce("request", KEY, Map.of("id", id, "with_key", KEY, "command", query, "params", params,
                "min_offset", token, "timeout_ms", timeout.toMillis(), "page_rows", 2));
            var pages = new ArrayList<JsonNode>();
            var wait = timeout.plusSeconds(5); // the server says first that it could not
            for (long end = System.nanoTime() + wait.toNanos(); System.nanoTime() < end; ) {
                for (var record : consumer.poll(Duration.ofMillis(200))) {
                    if (!KEY.equals(record.key()))
                        continue;
                    var page = JSON.readTree(record.value());
                    if (!page.path("id").asText().equals(id) || page.path("seq").asInt() != pages.size())
                        continue; // another request's, or a notice
                    if (page.has("error"))
                        throw new IllegalStateException(
                            page.at("/error/code").asText() + ": " + page.at("/error/message").asText());
                    pages.add(page);
                    if (page.get("last").asBoolean())
                        return pages;
                }
            }
            throw new TimeoutException(
                "no reply to " + id + " in " + wait.toSeconds() + " s: does a global_server run?");
        }
    }

    public static void main(String[] args) throws Exception {
        try (PRODUCER) {
            var params = Map.of("run", UUID.randomUUID().toString());
            long token = send("UNWIND range(1, 5) AS n CREATE (:Reading {run: $run, n: n})", params);
            System.out.println("token " + token);
            var query = "MATCH (r:Reading {run: $run}) RETURN r.n AS n ORDER BY n";
            var pages = ask(query, params, token, Duration.ofSeconds(10));
            var last = pages.get(pages.size() - 1); // its offset is a token too: with it nobody reads an older state
            System.out.printf("%s rows in %d pages, replica %s, offset %s%n", last.get("total"), pages.size(),
                last.get("replica").asText(), last.get("offset"));
            pages.forEach(page -> page.get("rows").forEach(System.out::println));
        }
    }
}
