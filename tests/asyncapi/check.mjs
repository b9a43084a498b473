// SPDX-License-Identifier: Apache-2.0
// check.mjs MODULES FILE: an AsyncAPI document by the official parser, from the node_modules in
// folder MODULES. Prints a line for each message of each channel (address, name, $id of its schema).
// Errors and warnings end it with 1, advice about newer versions of the specification does not.
import { createRequire } from 'node:module';
import path from 'node:path';

const [modules, file] = process.argv.slice(2);
const { Parser, fromFile } =
  createRequire(path.resolve(modules, 'package.json'))('@asyncapi/parser');

const { document, diagnostics } = await fromFile(new Parser(), file).parse();
const wrong = diagnostics.filter((d) => d.severity <= 1);
for (const d of wrong)
  console.error(`${file}: ${d.path.join('.')}: ${d.message} (${d.code})`);
if (wrong.length > 0 || document === undefined)
  process.exit(1);
for (const channel of document.allChannels())
  for (const message of channel.messages())
    console.log(channel.address(), message.id(), message.payload().id());
