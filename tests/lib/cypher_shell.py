# SPDX-License-Identifier: Apache-2.0
"""The real cypher-shell: whether a script is one, no client of ours can tell."""

import os
import subprocess

import stack


def run_script(server, path, code=0, deadline_s=300):
    """Runs a script to its end, or to its first error, in a server's database; where the machine's language
    is none, so that Java 17 takes a file for ASCII."""
    jars = stack.fetch("cypher-shell")
    java = stack.find_java("cypher-shell").path
    done = subprocess.run([java, "-Xmx256m", "-XX:TieredStopAtLevel=1", "-cp", f"{jars}/*", "org.neo4j.shell.Main",
                           "--address", server.bolt_uri, "--username", server.user, "--format", "plain", "--non-interactive", "--file", str(path)],
                          env={**os.environ, "NEO4J_PASSWORD": server.password, "LC_ALL": "C"}, stdin=subprocess.DEVNULL, text=True, capture_output=True,
                          timeout=deadline_s)
    assert done.returncode == code, (done.returncode, done.stdout[-2000:], done.stderr[-2000:])
    return done
