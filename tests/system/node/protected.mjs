// Reads a protected column with node-postgres: simple, extended, a named statement twice, text and binary, a cursor.
// Arguments: the gateway's URI. Prints one JSON line that test_node.py checks.
import fs from 'node:fs'
import pg from 'pg'
import Cursor from 'pg-cursor'

const url = new URL(process.argv[2])
const ca = url.searchParams.get('sslrootcert')
const client = new pg.Client({
  host: url.hostname,
  port: Number(url.port),
  user: decodeURIComponent(url.username),
  password: decodeURIComponent(url.password),
  database: url.pathname.slice(1),
  ssl: ca ? { ca: fs.readFileSync(ca, 'utf8'), servername: 'localhost' } : false,
})
await client.connect()
const seen = {}
const text = 'SELECT id, ssn, city FROM patients WHERE id = $1'
seen.simple = (await client.query('SELECT id, ssn, city FROM patients WHERE id = 1')).rows
seen.extended = (await client.query(text, [1])).rows
seen.named = []
for (let i = 0; i < 3; i++) seen.named.push((await client.query({ name: 'p', text, values: [1] })).rows)
seen.binary = []
for (let i = 0; i < 2; i++) {
  const result = await client.query({ name: 'b', text: 'SELECT ssn FROM patients WHERE id = $1', values: [1], binary: true })
  seen.binary.push(result.rows)
}
seen.all = (await client.query('SELECT * FROM patients ORDER BY id')).rows
const cursor = client.query(new Cursor('SELECT id, ssn FROM patients ORDER BY id', []))
seen.cursor = [...(await cursor.read(1)), ...(await cursor.read(10))]
await cursor.close()
seen.unprotected = (await client.query('SELECT id, label, amount, tags FROM plain ORDER BY id')).rows
try {
  await client.query('TRUNCATE plain')
} catch (error) {
  seen.refusal = [error.code, error.message]
}
seen.after = (await client.query('SELECT 1 AS one')).rows
await client.end()
console.log(JSON.stringify(seen))
