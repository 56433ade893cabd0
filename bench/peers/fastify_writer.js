// Carries the orders of the stream into Postgres, as an expert would beside fastify.js: a consumer
// group, batches by unnest, and the next batch is read while one is written.
'use strict'

const Redis = require('ioredis')
const { Client } = require('pg')

const { REDIS_URL, DATABASE_URL, STREAM } = process.env
const GROUP = 'writers'
const COUNT = 2000
const BLOCK_MS = 50

const INSERT = {
  name: 'orders',
  text: `insert into placed (id, customer, sku, quantity)
         select * from unnest($1::uuid[], $2::text[], $3::text[], $4::integer[])
         on conflict (id) do nothing`
}

async function main () {
  const redis = new Redis(decodeURIComponent(REDIS_URL.replace(/^unix:\/\//, '')))
  const postgres = new Client({ connectionString: DATABASE_URL })
  await postgres.connect()
  await redis.xgroup('CREATE', STREAM, GROUP, '0', 'MKSTREAM')
  const read = () => redis.xreadgroup(
    'GROUP', GROUP, 'one', 'COUNT', COUNT, 'BLOCK', BLOCK_MS, 'STREAMS', STREAM, '>'
  )
  let batch = await read()
  for (;;) {
    const next = read()
    if (batch) await write(redis, postgres, batch[0][1])
    batch = await next
  }
}

async function write (redis, postgres, entries) {
  const ids = [], customers = [], skus = [], quantities = []
  for (const [, fields] of entries) {
    ids.push(fields[1])
    customers.push(fields[3])
    skus.push(fields[5])
    quantities.push(fields[7])
  }
  await postgres.query(INSERT, [ids, customers, skus, quantities])
  await redis.xack(STREAM, GROUP, ...entries.map(([id]) => id))
}

main().catch((error) => {
  console.error(error)
  process.exit(1)
})
