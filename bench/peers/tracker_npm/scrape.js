// node scrape.js PORT COUNT ROUNDS: scrape that many torrents of a tracker on loopback with bittorrent-tracker, 74 hashes a packet.
// Prints as JSON how many seconds each round took: for `Client.scrape`, which is how its manual asks for many torrents, and for the
// method of one client object, which that is made of. Several numbers of questions at a time, since it depends on the machine which is best.
import Client from 'bittorrent-tracker/client'
import { createHash } from 'node:crypto'

const MOST = 74
const [port, count, rounds] = process.argv.slice(2).map(Number)
const announce = `udp://127.0.0.1:${port}/announce`
const hashes = Array.from({ length: count }, (_, at) => createHash('sha1').update(String(at)).digest())
const batches = []
for (let at = 0; at < count; at += MOST) batches.push(hashes.slice(at, at + MOST))

// Asks for all batches, `window` at a time. `ask` calls back with a Map or an object of results.
async function round (window, ask) {
  const found = new Set()
  let next = 0
  const work = async () => {
    while (next < batches.length) {
      for (const one of await ask(batches[next++])) found.add(one)
    }
  }
  const began = performance.now()
  await Promise.all(Array.from({ length: window }, work))
  const seconds = (performance.now() - began) / 1000
  if (found.size !== count) throw new Error(`${count - found.size} were not answered`)
  return seconds
}

function byManual (batch) {
  return new Promise((resolve, reject) => {
    Client.scrape({ infoHash: batch, announce }, (error, results) => error ? reject(error) : resolve(Object.keys(results)))
  })
}

function byMethod (batch) {
  return new Promise((resolve, reject) => {
    waiting.set(batch[0].toString('hex'), { batch, resolve, found: [] })
    failed = reject
    client.scrape({ infoHash: batch })
  })
}

// A packet's results come one after the other, the first hash first.
const waiting = new Map()
let current = null
let failed = null
const client = new Client({ infoHash: hashes[0], peerId: Buffer.alloc(20, 65), announce, port: 6881 })
client.on('warning', error => failed(error))
client.on('scrape', data => {
  current = current || waiting.get(data.infoHash)
  current.found.push(data.infoHash)
  if (current.found.length === current.batch.length) {
    waiting.delete(current.found[0])
    current.resolve(current.found)
    current = null
  }
})

const seconds = { manual: [], method: [] }
for (const window of [4, 16, 32]) {
  for (let at = 0; at < rounds; at += 1) {
    seconds.manual.push(await round(window, byManual))
    seconds.method.push(await round(window, byMethod))
  }
}
console.log(JSON.stringify(seconds))
process.exit(0)
