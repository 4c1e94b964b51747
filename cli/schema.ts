// Writes config.schema.json and config.example.json from the option tables. Run by the maintainers; a test compares.
import { writeFileSync } from 'node:fs';
import { configExample, configSchema } from '../src/config-schema.ts';
import { CONFIG_SHAPE } from './config.ts';

/** File -> text, both as they are committed. */
export function configFiles(): Record<'config.schema.json' | 'config.example.json', string> {
  const text = (value: unknown) => `${JSON.stringify(value, null, 2)}\n`;
  return {
    'config.schema.json': text(configSchema(CONFIG_SHAPE, 'lonedot config file')),
    'config.example.json': text(configExample(CONFIG_SHAPE, './config.schema.json')),
  };
}

if (process.argv[1] === import.meta.filename) {
  for (const [file, text] of Object.entries(configFiles())) writeFileSync(file, text);
}
