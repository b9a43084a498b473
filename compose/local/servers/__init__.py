# SPDX-License-Identifier: Apache-2.0
"""What stack.py is made of, in reading order: error, jars (Java, Maven, what is fetched), process
(one Java server with a folder of its own), kafka, neo4j."""
