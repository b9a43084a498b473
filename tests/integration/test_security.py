# SPDX-License-Identifier: Apache-2.0
"""Trust: TLS, logins, ACLs and secrets, on a Kafka with SASL_SSL and ACLs and a Neo4j with https of
their own. The users and ACLs are those of README. The tests' own clients use the plain listeners,
which the programs are never told of."""

import argparse
import base64
import concurrent.futures
import ctypes
import json
import pathlib
import re
import shlex
import shutil
import time
import urllib.parse

import confluent_kafka
import pytest
import requests
import stack
from certs import Authority
from confluent_kafka import ConsumerGroupTopicPartitions
from confluent_kafka.admin import (AclBinding, AclBindingFilter, AclOperation, AclPermissionType, ResourcePatternType,
                                   ResourceType, ScramCredentialInfo, ScramMechanism, UserScramCredentialUpsertion)
from kafka import Topics
from neo import CypherError, Neo
from programs import ROOT, Program, run
from replica import applied
from wait import until

USERS = ("topics", "writer", "db-sync-a", "server-a", "asker")
ODD = 'p@ss:w/ord"%&$ ü\\'  # special in URLs, JSON, shells and properties files
LISTENERS = ("SASL_SSL", "ELSEWHERE", "EXPIRED", "BRIEF")  # by what is special about them
SCRAM_MENDED = 0x020601FF  # librdkafka 2.6.1: README, Security


def newer_library(folder):
    """Environment that gives the programs a librdkafka whose SCRAM Kafka 4 takes: the system's, or
    the one that confluent-kafka brings along."""
    if ctypes.CDLL("librdkafka.so.1").rd_kafka_version() >= SCRAM_MENDED:
        return {}
    package = pathlib.Path(confluent_kafka.__file__).parents[1] / "confluent_kafka.libs"
    (library,) = package.glob("librdkafka-*.so.1")
    folder.mkdir()
    (folder / "librdkafka.so.1").symlink_to(library)
    return {"LD_LIBRARY_PATH": str(folder)}


def readme_acls():
    """[(user, resource type, name, pattern type, operation)] of the commands in README."""
    parser = argparse.ArgumentParser()
    for flag in ("--operation", "--topic", "--group", "--transactional-id"):
        parser.add_argument(flag, action="append", default=[])
    parser.add_argument("--resource-pattern-type", default="literal")
    found = []
    for line in re.findall(r"^\$acl (.+)$", (ROOT / "README.md").read_text(), re.M):
        principal, *words = shlex.split(line)
        asked = parser.parse_args(words)
        named = [(ResourceType.TOPIC, n) for n in asked.topic] + [(ResourceType.GROUP, n) for n in asked.group]
        named += [(ResourceType.TRANSACTIONAL_ID, n) for n in asked.transactional_id]
        pattern = ResourcePatternType[asked.resource_pattern_type.upper()]
        for kind, name in named:
            for operation in asked.operation:
                word = re.sub(r"(?<!^)([A-Z])", r"_\1", operation).upper()
                found.append((principal.removeprefix("User:"), kind, name, pattern, AclOperation[word]))
    return found


class Site:
    """The secured servers, and what the tests know of them. Whatever a program writes is kept."""

    def __init__(self, folder, version):
        self.folder, self.version = folder, version
        self.programs, self.texts = [], []
        self.good, self.other = Authority(folder, "good"), Authority(folder, "other")
        self.secrets = {user: f"{ODD} {user}" for user in USERS}
        self.plain_secrets = {user: f"plain-secret-of-{user}" for user in USERS}
        self.neo4j_secrets = [f"{ODD} neo4j {n}" for n in range(2)]
        self.library = newer_library(folder / "library")
        self.kafka = stack.Kafka(folder / "kafka", listeners=LISTENERS, extra_conf=self._kafka_conf())
        self.https_port, self.policy = stack.free_port(), folder / "policy"
        for name in ("", "trusted", "revoked"):
            (self.policy / name).mkdir()
        self.present()
        self.server = stack.Neo4j(folder / "neo4j", "neo4j-tls", version, password=self.neo4j_secrets[0],
                                  extra_conf=self._neo4j_conf())
        self.password_file = folder / "neo4j-password"
        self.password_file.write_text(self.neo4j_secrets[0] + "\n")
        for user, secret in self.secrets.items():
            (folder / f"{user}-password").write_text(secret + "\n")

    def _kafka_conf(self):
        here, protocols = ["localhost", "127.0.0.1"], ["PLAINTEXT:PLAINTEXT", "CONTROLLER:PLAINTEXT"]
        stores = {"ELSEWHERE": self._key_store("elsewhere", ["elsewhere.example"]),
                  "EXPIRED": self._key_store("expired", here, expired=True)}
        usual, modules = self._key_store("kafka", here), "org.apache.kafka.common.security"
        known = " ".join(f'user_{user}="{secret}"' for user, secret in self.plain_secrets.items())
        conf = {"authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
                # the broker itself and the tests' own clients, who come by the plain listeners
                "super.users": "User:ANONYMOUS",
                "sasl.enabled.mechanisms": "SCRAM-SHA-256,PLAIN",
                "listener.security.protocol.map": ",".join(protocols + [f"{name}:SASL_SSL" for name in LISTENERS]),
                "listener.name.brief.connections.max.reauth.ms": 2000}
        for name in LISTENERS:
            listener = f"listener.name.{name.lower()}"
            conf |= {f"{listener}.ssl.keystore.type": "PEM",
                     f"{listener}.ssl.keystore.location": stores.get(name, usual),
                     f"{listener}.scram-sha-256.sasl.jaas.config": f"{modules}.scram.ScramLoginModule required;",
                     f"{listener}.plain.sasl.jaas.config": f"{modules}.plain.PlainLoginModule required {known};"}
        return conf

    def _key_store(self, name, hosts, expired=False):
        store = self.folder / f"{name}.keystore"
        store.write_bytes(b"".join(path.read_bytes() for path in self.good.issue(name, hosts, expired)))
        return store

    def _neo4j_conf(self):
        connector = "dbms.connector.https" if self.version == "4.4" else "server.https"
        return {f"{connector}.enabled": "true", f"{connector}.listen_address": f"127.0.0.1:{self.https_port}",
                "dbms.ssl.policy.https.enabled": "true", "dbms.ssl.policy.https.base_directory": self.policy,
                "dbms.ssl.policy.https.client_auth": "NONE"}

    def present(self, expired=False):
        """What Neo4j presents from its next start on: good for localhost, and not for 127.0.0.1."""
        key, certificate = self.good.issue("neo4j", ["localhost"], expired)
        shutil.copy(key, self.policy / "private.key")
        shutil.copy(certificate, self.policy / "public.crt")

    def start(self):
        self.kafka.start(wait=False)
        self.server.start(wait=False)
        self.kafka.wait_ready()
        self.topics = Topics(self.kafka.bootstrap, "")
        self.admin = self.topics.admin
        for user, secret in self.secrets.items():
            self.set_kafka_secret(user, secret)
        self.acls = [AclBinding(kind, name, pattern, f"User:{user}", "*", operation, AclPermissionType.ALLOW)
                     for user, kind, name, pattern, operation in readme_acls()]
        done(self.admin.create_acls(self.acls))
        self.server.wait_ready()
        self.neo = Neo(self.server.http_uri, "neo4j", self.server.password)
        made = self.run("db_sync", "topics", ["topics", "create"])
        assert made.returncode == 0 and made.stdout.count("created") == 5, made
        return self

    def stop(self):
        for program in self.programs:
            program.kill()
        self.server.kill()
        self.kafka.kill()

    def set_kafka_secret(self, user, secret):
        info = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_256, 4096)
        done(self.admin.alter_user_scram_credentials([UserScramCredentialUpsertion(user, info, secret.encode())]))

    def set_neo4j_secret(self, secret):
        """On the server alone."""
        old = self.server.password
        self.server.password_file.write_text(secret + "\n")
        answer = self.server.cypher("ALTER CURRENT USER SET PASSWORD FROM $old TO $new", "system",
                                    {"old": old, "new": secret}, password=old)
        assert not answer["errors"], answer
        self.neo = Neo(self.server.http_uri, "neo4j", secret)

    def env(self, user, listener="SASL_SSL", **more):
        """Of a program that comes to Kafka as user. Passwords of daemons are in files, of the others
        in the environment."""
        env = {"BROKERS": f"127.0.0.1:{self.kafka.ports[listener]}", "B_USERNAME": user,
               "KAFKA_SSL_CA_LOCATION": str(self.good.ca_file), "LOG_LEVEL": "debug",
               "NEO4J_URI": f"https://localhost:{self.https_port}", "NEO4J_PASS_FILE": str(self.password_file),
               "NEO4J_CA_FILE": str(self.good.ca_file), "STATUS_INTERVAL": "200ms", **self.library}
        if user in ("db-sync-a", "server-a"):
            env |= {"GROUP_ID": "a" if user == "db-sync-a" else "readers", "INSTANCE_ID": "one",
                    "B_PASSWORD_FILE": str(self.folder / f"{user}-password")}
        else:
            env["B_PASSWORD"] = self.secrets[user]
        return env | {name: str(value) for name, value in more.items()}

    def by_plain(self, user, **more):
        """The same with the system's librdkafka and a PLAIN login."""
        env = self.env(user, KAFKA_SASL_MECHANISMS="PLAIN", B_PASSWORD=self.plain_secrets[user], **more)
        return {k: v for k, v in env.items() if k not in ("B_PASSWORD_FILE", "LD_LIBRARY_PATH")}

    def run(self, program, user, args, env=None, **more):
        """To its end."""
        done_ = run(program, args, env or self.env(user, **more))
        self.texts.append((f"{program} {args}", done_.stdout + done_.stderr))
        return done_

    def daemon(self, program, user, env=None, **more):
        p = Program(self.folder, program, ["run"], env or self.env(user, **more)).start()
        self.programs.append(p)
        cmdline = pathlib.Path(f"/proc/{p.process.pid}/cmdline")
        self.texts.append((f"process list, {program}", cmdline.read_bytes().decode()))
        return p

    def db_sync(self, **more):
        return self.daemon("db_sync", "db-sync-a", **more)

    def global_server(self, **more):
        return self.daemon("global_server", "server-a", **more)

    def send(self, *commands):
        sent = self.run("db_sync", "writer", ["send", *commands])
        assert sent.returncode == 0, sent

    def ask(self, text, *flags):
        return self.run("global_server", "asker", ["ask", "--csv", *flags, text])


def done(futures):
    for future in futures.values():
        future.result(30)


@pytest.fixture(scope="module")
def site(servers_dir, neo4j_version):
    folder = servers_dir / "security"
    folder.mkdir()
    s = Site(folder, neo4j_version)
    try:
        yield s.start()
        s.topics.check_written()  # every message of the programs is as topics/ says
    finally:
        s.stop()


@pytest.fixture
def log(site):
    """The topics, which the tests share: a replica goes on where the test before left it."""
    return site.topics


@pytest.fixture(autouse=True)
def ended(site):
    """No program of a test outlives it."""
    yield
    for program in site.programs:
        program.kill()
    site.password_file.write_text(site.server.password + "\n")  # a test that failed may have left another


def in_sync(db_sync):
    """By its log: its status may still be that of the run before."""
    return db_sync.must_live() and [e["state"] for e in db_sync.events("state")][-1:] == ["in-sync"]


def made_ready(site):
    """A global_server serves where a db_sync has worked once."""
    if site.neo.offset() is None:
        db_sync = site.db_sync()
        until("state in-sync", lambda: in_sync(db_sync))
        db_sync.stop()


# ---------------------------------------------------------------- what must work


def test_acls_of_readme_are_enough(site, log):
    first = log.end("command")
    db_sync = site.db_sync(RESPONSE_TOPIC="response", STATUS_LISTEN="0", KAFKA_DEBUG="all")
    server = site.global_server(STATUS_LISTEN="0", KAFKA_DEBUG="all")
    checked = site.run("db_sync", "topics", ["topics", "check"])
    assert checked.returncode == 0 and checked.stdout.count("good") == 5, checked
    site.send("CREATE (:P {n: 42})", "RETURN 1/0")
    applied(site.neo, log)
    asked = site.ask("MATCH (p:P) RETURN p.n", "--min-offset", str(first + 2))
    assert asked.returncode == 0 and asked.stdout.split() == ["p.n", "42"], (asked, server.log[-2000:])
    until("state in-sync", lambda: in_sync(db_sync))
    shown = site.run("db_sync", "db-sync-a", ["status"])
    assert shown.returncode == 0 and "in-sync" in shown.stdout, shown
    again = site.run("db_sync", "writer", ["send", "--dead-letters", "--offsets", str(first + 1), "--wait"])
    assert again.returncode == 1 and "sent" in again.stderr and again.stdout == f"{first + 3}\n", again
    applied(site.neo, log)
    for program in (db_sync, server):
        base = program.wait_event("listening")[0]["address"]
        until("both programs on the page", lambda b=base: {s["program"] for s in requests.get(b + "/replicas", timeout=10).json()["statuses"]} == {
            "db_sync", "global_server"})
    letters = [offset for offset, _, _ in log.dead_letters()]
    assert letters == [first + 1, first + 2]
    notices = [m for m in (json.loads(m.value()) for m in log.read("response")) if "status" in m]
    assert sorted((n["offset"], n["status"]) for n in notices) == [
        (first, "applied"), (first + 1, "failed"), (first + 2, "failed")]
    assert db_sync.stop() == 0 and server.stop() == 0

    site.send("RETURN 1/0")
    assert site.db_sync(POISON_POLICY="halt").wait_exit() == 1
    skipped = site.run("db_sync", "db-sync-a", ["skip", str(first + 3)])
    assert skipped.returncode == 0 and f"next offset is {first + 4}" in skipped.stdout, skipped
    (group,) = site.admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions("a")]).values()
    assert [p.offset for p in group.result(30).topic_partitions] == [first + 3]  # where `run` stopped
    for program in (db_sync, server):
        refusals = re.findall(r"level=(?:warn|error) .*(?:AUTHORIZATION|group_refused).*", program.log)
        assert not refusals, refusals


def test_plain_login_with_the_system_library(site, log):
    """What README names where the system's librdkafka is too old for SCRAM."""
    db_sync, server = (site.daemon(program, user, site.by_plain(user, KAFKA_DEBUG="all"))
                       for program, user in (("db_sync", "db-sync-a"), ("global_server", "server-a")))
    until("state in-sync", lambda: in_sync(db_sync))
    asked = site.run("global_server", "asker", ["ask", "--csv", "RETURN 1 AS n"], site.by_plain("asker"))
    assert asked.returncode == 0 and asked.stdout.split() == ["n", "1"], (asked, server.log[-2000:])
    assert db_sync.stop() == 0 and server.stop() == 0


@pytest.mark.parametrize("user, kind, name, operation, program, args, words", [
    ("topics", "TOPIC", "status", "CREATE", "db_sync", ["topics", "create"], "status: "),
    ("topics", "TOPIC", "fail", "DESCRIBE_CONFIGS", "db_sync", ["topics", "check"], "fail: "),
    ("writer", "TOPIC", "command", "WRITE", "db_sync", ["send", "CREATE (:X)"], "command: "),
    ("writer", "TOPIC", "fail", "READ", "db_sync", ["send", "--dead-letters", "--dry-run"], "fail: "),
    ("writer", "TOPIC", "status", "READ", "db_sync", ["send", "--wait", "CREATE (:X)"], "status: "),
    ("db-sync-a", "TOPIC", "command", "READ", "db_sync", ["run"], "command: "),
    ("db-sync-a", "TOPIC", "command", "DESCRIBE_CONFIGS", "db_sync", ["run"], "command: "),
    ("db-sync-a", "TOPIC", "fail", "WRITE", "db_sync", ["run"], "fail: "),
    ("server-a", "TOPIC", "request", "READ", "global_server", ["run"], "request: "),
    ("server-a", "TOPIC", "command", "READ", "global_server", ["run"], "command: "),
    ("server-a", "TOPIC", "response", "WRITE", "global_server", ["run"], "response: "),
    ("server-a", "TRANSACTIONAL_ID", "readers-", "WRITE", "global_server", ["run"], "readers-a-one: "),
    ("asker", "TOPIC", "request", "WRITE", "global_server", ["ask", "RETURN 1"], "request: "),
    ("asker", "TOPIC", "response", "READ", "global_server", ["ask", "RETURN 1"], "response: "),
])
def test_one_acl_fewer_is_not_enough(site, log, user, kind, name, operation, program, args, words):
    """Exit 3 and a message that names what, and where it stands what is needed."""
    if program == "global_server" and args == ["run"]:
        made_ready(site)
    with without(site, user, kind, name, operation):
        refused = site.run(program, user, args)
    assert refused.returncode == 3, refused
    last = refused.stderr.strip().splitlines()[-1]
    assert words in last and "uthorization failed" in last and "README, Security" in last, refused.stderr


@pytest.mark.parametrize("user, kind, name, operation", [
    ("db-sync-a", "TOPIC", "status", "READ"), ("db-sync-a", "TOPIC", "status", "WRITE"),
    ("server-a", "TOPIC", "status", "WRITE"), ("server-a", "GROUP", "readers", "READ")])
def test_one_acl_fewer_is_told(site, log, user, kind, name, operation):
    """Where a program can go on, or waits, it says what it lacks."""
    with without(site, user, kind, name, operation):
        program = site.db_sync() if user == "db-sync-a" else site.global_server()
        until(f"a word on {name} in {program.log_path}", lambda: program.must_live() and re.search(
            f"level=(warn|error) .*{name}.*uthorization failed.*README, Security", program.log), 60)


def test_page_without_its_acl(site, log):
    """What reads the status topic for the page alone says so, there and once in the log; the program does its work."""
    made_ready(site)
    with without(site, "server-a", "TOPIC", "status", "READ"):
        server = site.global_server(STATUS_LISTEN="0")
        base = server.wait_event("listening")[0]["address"]
        until("the reason", lambda: "README, Security" in requests.get(base + "/replicas", timeout=10).json().get("trouble", ""))
        until("ready", lambda: requests.get(base + "/readyz", timeout=10).status_code == 200)
        asked = site.ask("RETURN 1 AS n")
        assert asked.returncode == 0 and asked.stdout.split() == ["n", "1"], asked
        assert requests.get(base + "/replicas", timeout=10).json()["statuses"] == []
        server.wait_event("statuses_unread", count=2)
    until("it may read", lambda: "trouble" not in (answer := requests.get(base + "/replicas", timeout=10).json()) and answer["statuses"])
    warned = [line for line in server.log.splitlines() if "level=warn" in line and "statuses_unread" in line]
    assert len(warned) == 1 and "status" in warned[0], warned


class without:
    """Takes one ACL away for a while. Brokers follow their metadata log: it is seen when it is gone."""

    def __init__(self, site, user, kind, name, operation):
        (self.acl,) = [a for a in site.acls if a.principal == f"User:{user}" and a.name == name and
                       a.restype == ResourceType[kind] and a.operation == AclOperation[operation]]
        self.site = site

    def __enter__(self):
        a = self.acl
        deleted = self.site.admin.delete_acls([AclBindingFilter(
            a.restype, a.name, a.resource_pattern_type, a.principal, a.host, a.operation, a.permission_type)])
        assert [len(f.result(30)) for f in deleted.values()] == [1]

    def __exit__(self, *_):
        done(self.site.admin.create_acls([self.acl]))


def test_group_of_db_sync_is_not_needed(site, log):
    """It is for lag tools alone: told once, and no reason to stop late."""
    with without(site, "db-sync-a", "GROUP", "a", "READ"):
        db_sync = site.db_sync()
        db_sync.wait_event("group_refused")
        until("state in-sync", lambda: in_sync(db_sync))
        begun = time.monotonic()
        assert db_sync.stop(60) == 0
    assert len(db_sync.events("group_refused")) == 1
    assert time.monotonic() - begun < 30, "45 s is librdkafka's wait for a group"


# ---------------------------------------------------------------- what must be refused


def at_once(calls):
    """Runs them beside each other, but few: a start that is slow says first that Kafka does not answer."""
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        return list(pool.map(lambda call: call(), calls))


def complaints(refused):
    """The lines that a person sees at the default log level: warnings and errors of a daemon, or all
    that is no log line."""
    return [line for line in refused.stderr.splitlines() if re.search(r"^(?!time=)|level=(warn|error)", line)]


ROLES = {"db_sync run": ("db_sync", "db-sync-a", ["run"]), "global_server run": ("global_server", "server-a", ["run"]),
         "db_sync send": ("db_sync", "writer", ["send", "CREATE (:X)"]),
         "global_server ask": ("global_server", "asker", ["ask", "RETURN 1"])}


def test_kafka_refused_at_the_start(site, log):
    """One message that says what is wrong and what to do, exit 3."""
    wrong = {
        "authority": ({"KAFKA_SSL_CA_LOCATION": site.other.ca_file}, "unable to get local issuer", "KAFKA_SSL_CA_LOCATION"),
        "host name": ({"BROKERS": f"localhost:{site.kafka.ports['ELSEWHERE']}", "KAFKA_BROKER_ADDRESS_FAMILY": "v4"},
                      "hostname mismatch", "BROKERS"),
        "address": ({"listener": "ELSEWHERE"}, "address mismatch", "BROKERS"),
        "date": ({"listener": "EXPIRED"}, "certificate has expired", "broker's certificate"),
        "date, system's library": ({"listener": "EXPIRED", "LD_LIBRARY_PATH": ""}, "certificate has expired",
                                   "broker's certificate"),
        "password": ({"B_PASSWORD_FILE": "", "B_PASSWORD": "wrong"}, "invalid credentials", "check B_USERNAME and B_PASSWORD"),
    }
    cases = [(role, what) for role in ROLES for what in wrong]

    def start(role, what):
        program, user, args = ROLES[role]
        return lambda: site.run(program, user, args, **wrong[what][0])

    for (role, what), refused in zip(cases, at_once([start(*case) for case in cases])):
        lines = complaints(refused)
        assert refused.returncode == 3 and len(lines) == 1, (role, what, refused)
        assert all(word in lines[0] for word in wrong[what][1:]), (role, what, lines)


def test_scram_of_an_older_library(site, log):
    """Kafka 4 calls the password wrong; the message names the other reason."""
    if not site.library:
        pytest.skip("the system's librdkafka is not that old")
    refused = site.run("db_sync", "writer", ["send", "CREATE (:X)"], LD_LIBRARY_PATH="")
    assert refused.returncode == 3 and "2.6.1" in refused.stderr and "README, Security" in refused.stderr, refused


def test_neo4j_refused_at_the_start(site, log):
    wrong = {
        "authority": ({"NEO4J_CA_FILE": site.other.ca_file}, "unable to get local issuer", "NEO4J_CA_FILE"),
        "no authority": ({"NEO4J_CA_FILE": ""}, "unable to get local issuer", "NEO4J_CA_FILE"),
        "host name": ({"NEO4J_URI": f"https://127.0.0.1:{site.https_port}"}, "127.0.0.1", "server's certificate"),
        "password": ({"NEO4J_PASS_FILE": "", "NEO4J_PASS": "wrong"}, "Security.Unauthorized", "NEO4J_PASS"),
        "login in the address": ({"NEO4J_URI": f"https://neo4j:{site.neo4j_secrets[0]}@localhost"}, "config.uri", "NEO4J_USER"),
    }
    cases = [(role, what) for role in ("db_sync run", "global_server run") for what in wrong]

    def start(role, what):
        program, user, args = ROLES[role]
        return lambda: site.run(program, user, args, **wrong[what][0])

    for (role, what), refused in zip(cases, at_once([start(*case) for case in cases])):
        lines = complaints(refused)
        assert refused.returncode == 3 and len(lines) == 1, (role, what, refused)
        assert all(word in lines[0] for word in wrong[what][1:]), (role, what, lines)
    site.neo.run("RETURN 1")  # Neo4j forgets the wrong passwords


# ---------------------------------------------------------------- what changes under way


def waits_for_neo4j(site, log, db_sync, server):
    """Both have met what is wrong now, and say so. db_sync meets it by a command."""
    site.send("CREATE (:P {n: 1})")
    until("state waiting-neo4j", lambda: db_sync.must_live() and log.status("a")["state"] == "waiting-neo4j")
    server.wait_event("neo4j_down")
    return log.status("a")["reason"]


def goes_on(site, log, db_sync, server, letters):
    # by the status: the tests' own client may be locked out still
    until("state in-sync", lambda: in_sync(db_sync) and log.status("a")["offset"] == log.end("command"))
    server.wait_event("neo4j_up")
    applied(site.neo, log)
    asked = site.ask("MATCH (p:P) RETURN count(p) AS n", "--min-offset", str(log.end("command")))
    assert asked.returncode == 0, (asked, server.log[-3000:])
    assert len(log.dead_letters()) == letters
    # free, not up, where it began with the lock-out that the other program had met first
    again = db_sync.events("neo4j_up") + db_sync.events("neo4j_free")
    assert len(db_sync.events("neo4j_refuses")) == 1 and len(again) == 1
    assert len(server.events("neo4j_down")) == 1


def both(site, log, **more):
    db_sync, server = site.db_sync(**more), site.global_server(**more)
    until("state in-sync", lambda: in_sync(db_sync))
    server.wait_event("claim")
    return db_sync, server


def wrong_logins(site):
    """How many Neo4j has counted; 4.4 Community keeps no such log."""
    log = site.server.folder / "logs" / "security.log"
    return log.read_text().count("invalid principal or credentials") if log.exists() else 0


def locked_out(site):
    answer = requests.post(f"{site.server.http_uri}/db/neo4j/tx/commit", auth=("neo4j", "wrong"), json={"statements": []}, timeout=10)
    return answer.json()["errors"][0]["code"] == "Neo.ClientError.Security.AuthenticationRateLimit"


def logs_in(site):
    try:
        return site.neo.run("RETURN 1")
    except CypherError as error:
        assert "RateLimit" in error.code, error
        return False


def test_password_of_neo4j_changes(site, log):
    """On the server first. The programs wait, do not keep the user locked out, and go on when their
    file has the new one, also when Neo4j has just locked the user out."""
    letters = len(log.dead_letters())
    db_sync, server = both(site, log)
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        # one that waits for its offset meanwhile: another connection that must learn the password
        held = pool.submit(site.ask, "MATCH (p:P) RETURN count(p) > 0 AS there", "--timeout", "240s",
                           "--min-offset", str(log.end("command") + 1))
        server.wait_event("request_waits")
        site.set_neo4j_secret(site.neo4j_secrets[1])
        reason = waits_for_neo4j(site, log, db_sync, server)
        assert re.search("credential|unauthorized|username or password|authentication requests", reason), reason
        # each wrong login would lock for five seconds more, and be counted
        until("a login of somebody else", lambda: logs_in(site), 20)
        before, end = wrong_logins(site), time.monotonic() + 6
        until("six seconds of waiting", lambda: time.monotonic() > end)
        assert wrong_logins(site) - before <= 1, "the programs go on trying the old password"
        until("Neo4j's lock", lambda: locked_out(site))
        site.password_file.write_text(site.neo4j_secrets[1] + "\n")
        goes_on(site, log, db_sync, server, letters)
        answer = held.result(300)
    assert answer.returncode == 0 and "true" in answer.stdout, answer
    assert db_sync.stop() == 0 and server.stop() == 0


def test_certificate_of_neo4j_expires(site, log):
    """While the programs run they wait; at a start it is exit 3."""
    letters = len(log.dead_letters())
    db_sync, server = both(site, log)
    site.server.kill()
    site.present(expired=True)
    site.server.start(wait=False)
    site.server.wait_ready()
    reason = waits_for_neo4j(site, log, db_sync, server)
    until("the reason", lambda: "expired" in log.status("a").get("reason", ""), 20)
    for role in ("db_sync run", "global_server run"):
        program, user, args = ROLES[role]
        refused = site.run(program, user, args, GROUP_ID="other", REPLICA_ID="other")
        assert refused.returncode == 3 and "certificate has expired" in refused.stderr, (refused, reason)
    site.server.kill()
    site.present()
    site.server.start()
    goes_on(site, log, db_sync, server, letters)


def test_password_at_kafka_changes(site, log):
    """Broker and file have a new one. Who has to log in anew waits, and goes on when the old one is
    right again; a restart takes the new one. The listener ends each connection after two seconds."""
    brief = {"listener": "BRIEF"}
    old, new = site.secrets["db-sync-a"], f"{ODD} new"
    site.secrets["new"] = new
    db_sync = site.db_sync(**brief)
    until("state in-sync", lambda: in_sync(db_sync))
    site.set_kafka_secret("db-sync-a", new)
    (site.folder / "db-sync-a-password").write_text(new + "\n")
    # a connection that is closed before it has logged in anew may be told first
    told = until("a refused login", lambda: [e for e in db_sync.events("kafka_down") if "AUTHENTICATION" in e["code"]])[0]
    assert "B_PASSWORD" in told["error"], told
    site.send("CREATE (:P {n: 2})")
    offset = log.end("command") - 1
    assert site.neo.offset() == offset, "read without a login"
    site.set_kafka_secret("db-sync-a", old)
    applied(site.neo, log)
    assert db_sync.must_live() and db_sync.stop() == 0
    site.set_kafka_secret("db-sync-a", new)
    db_sync = site.db_sync()
    until("state in-sync", lambda: in_sync(db_sync))
    assert db_sync.stop() == 0


# ---------------------------------------------------------------- what nobody may read


def test_flags_take_no_secret(site):
    for program in ("db_sync", "global_server"):
        refused = run(program, ["run", "--kafka", "sasl.password=on-the-process-list"], site.env("asker"))
        assert refused.returncode == 2 and "environment" in refused.stderr and "on-the-process-list" not in refused.stderr


def forms(secret, user):
    """How a secret may look in a text."""
    raw = secret.encode()
    quoted = json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]
    encoded = base64.b64encode(raw), base64.b64encode(f"{user}:{secret}".encode()), base64.urlsafe_b64encode(raw)
    urls = urllib.parse.quote(secret, safe=""), urllib.parse.quote(secret), urllib.parse.quote_plus(secret)
    texts = [secret, shlex.quote(secret), raw.hex(), *quoted, *urls, *(e.decode().rstrip("=") for e in encoded)]
    return {text.encode() for text in texts}


def test_no_secret_anywhere(site, log):
    """In all that the programs wrote in this module, in their process list and on the topics."""
    for program, user in (("db_sync", "db-sync-a"), ("global_server", "server-a")):
        for more in ({}, {"NEO4J_PASS_FILE": "", "NEO4J_PASS": site.neo4j_secrets[0],
                          "NEO4J_URI": f"https://neo4j:{site.neo4j_secrets[0]}@localhost",
                          "KAFKA_SASL_PASSWORD": site.secrets["asker"], "KAFKA_SSL_KEY_PASSWORD": site.secrets["writer"]}):
            shown = site.run(program, user, ["run", "--print-config"], **more)
            assert shown.returncode == 0 and "B_PASSWORD=********" in shown.stdout, shown
    places = [(what, text.encode()) for what, text in site.texts]
    places += [(str(p.log_path), p.log_path.read_bytes()) for p in site.programs]
    for name in ("command", "request", "response", "fail", "status"):
        places += [(f"topic {name}", repr((m.key(), m.headers())).encode() + m.value()) for m in log.read(name)]
    size = sum(len(text) for _, text in places)
    assert size > 1_000_000 and any(b"facility=SASLSCRAM" in text for _, text in places), "debug lines are missing"
    secrets = [(user, s) for user, s in [*site.secrets.items(), *site.plain_secrets.items()]]
    secrets += [("neo4j", s) for s in site.neo4j_secrets] + [("any", ODD)]
    for user, secret in secrets:
        for form in forms(secret, user):
            found = [what for what, text in places if form in text]
            assert not found, f"a secret of {user} as {form} in {found}"
