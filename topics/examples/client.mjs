// SPDX-License-Identifier: Apache-2.0
// Sends a command, then reads what it did from whichever replica answers.
// npm install @confluentinc/kafka-javascript
import { randomUUID } from 'node:crypto';
import { promisify } from 'node:util';
import kafka from '@confluentinc/kafka-javascript';

const servers = { 'bootstrap.servers': process.env.BROKERS ?? 'localhost:9092' };
const prefix = process.env.B_TOPIC_PREFIX ?? '';
const requestKey = 'client.mjs'; // of requests, and so of their replies
const call = (client, method, ...args) => promisify(client[method]).apply(client, args);
// enable.idempotence is not the default; acks=all and isolation.level=read_committed are
const producer = new kafka.HighLevelProducer(
  { ...servers, 'enable.idempotence': true, acks: 'all', 'delivery.timeout.ms': 30000 });

/** The record's offset, once Kafka has it for good. */
async function produce(topic, key, message) {
  return call(producer, 'produce', prefix + topic, null, Buffer.from(JSON.stringify(message)), key, null);
}

/** The token: the min_offset of requests that are to see the command. */
async function send(command, params) {
  return await produce('command', null, { command, params }) + 1;
}

/** The pages of the reply. */
async function ask(query, params, token, timeoutMs = 10000) {
  const consumer = new kafka.KafkaConsumer(
    { ...servers, 'group.id': 'none', 'enable.auto.commit': false, 'isolation.level': 'read_committed' });
  await call(consumer, 'connect', {});
  try {
    const topic = prefix + 'response', id = randomUUID(), pages = [];
    const { topics } = await call(consumer, 'getMetadata', { topic, timeout: 10000 });
    // where reading begins is known before the request is sent: no reply is missed
    consumer.assign(await Promise.all(topics.find(t => t.name === topic).partitions.map(async ({ id: partition }) => {
      const { highOffset } = await call(consumer, 'queryWatermarkOffsets', topic, partition, 10000);
      return { topic, partition, offset: highOffset };
    })));
    await produce('request', requestKey, { id, with_key: requestKey, command: query, params,
                                           min_offset: token, timeout_ms: timeoutMs, page_rows: 2 });
    const end = performance.now() + timeoutMs + 5000; // the server says first that it could not
    consumer.setDefaultConsumeTimeout(200);
    while (performance.now() < end) {
      for (const { key, value } of await call(consumer, 'consume', 1)) {
        if (key?.toString() !== requestKey) continue;
        const page = JSON.parse(value);
        if (page.id !== id || page.seq !== pages.length) continue; // another request's, or a notice
        if (page.error) throw new Error(`${page.error.code}: ${page.error.message}`);
        pages.push(page);
        if (page.last) return pages;
      }
    }
    throw new Error(`no reply to ${id} in ${timeoutMs / 1000 + 5} s: does a global_server run?`);
  } finally {
    await call(consumer, 'disconnect');
  }
}

async function main() {
  await call(producer, 'connect', {});
  try {
    const params = { run: randomUUID() };
    const token = await send('UNWIND range(1, 5) AS n CREATE (:Reading {run: $run, n: n})', params);
    console.log('token', token);
    const pages = await ask('MATCH (r:Reading {run: $run}) RETURN r.n AS n ORDER BY n', params, token);
    const last = pages.at(-1); // its offset is a token too: with it nobody reads an older state
    console.log(`${last.total} rows in ${pages.length} pages, replica ${last.replica}, offset ${last.offset}`);
    for (const row of pages.flatMap(page => page.rows)) console.log(JSON.stringify(row));
  } finally {
    await call(producer, 'disconnect');
  }
}

main().catch(error => {
  console.error(`client.mjs: ${error.message}`);
  process.exitCode = 1;
});
