// Puts the header onto the generated schema, and a line's end behind it.
import { readFileSync, rmSync, writeFileSync } from 'node:fs';

const header =
  'Generated from @grafana/schema 13.2.3 (Apache-2.0, Grafana Labs) and core.ts; not to be edited. Anew: npm install && npm run schema';
const schema = { $comment: header, ...JSON.parse(readFileSync('raw.json', 'utf8')) };
writeFileSync('core-dashboard.json', `${JSON.stringify(schema)}\n`);
rmSync('raw.json');
