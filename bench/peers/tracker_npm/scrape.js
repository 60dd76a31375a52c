// node scrape.js PORT COUNT ROUNDS: scrape that many torrents of a tracker on loopback with bittorrent-tracker, 74 hashes a packet, and
// print for each number of packets at a time how many seconds each round took.
import Client from 'bittorrent-tracker/client'
import { createHash } from 'node:crypto'

const [port, count, rounds] = process.argv.slice(2).map(Number)
const announce = `udp://127.0.0.1:${port}/announce`
const hashes = Array.from({ length: count }, (_, at) => createHash('sha1').update(String(at)).digest())
const batches = []
for (let at = 0; at < count; at += 74) batches.push(hashes.slice(at, at + 74))

function round (window) {
  return new Promise((resolve, reject) => {
    const client = new Client({ infoHash: hashes[0], peerId: Buffer.alloc(20, 65), announce, port: 6881 })
    const found = new Map()
    let next = 0
    let left = batches[0].length
    client.on('error', reject)
    client.on('warning', reject)
    client.on('scrape', data => {
      found.set(data.infoHash, data)
      left -= 1
      if (found.size === count) {
        const seconds = (performance.now() - began) / 1000
        client.destroy(() => resolve(seconds))
      } else if (left === 0 || found.size % 74 === 0) more()
    })
    const more = () => {
      if (next < batches.length) client.scrape({ infoHash: batches[next++] })
    }
    const began = performance.now()
    for (let at = 0; at < window; at += 1) more()
  })
}

const seconds = {}
for (const window of [4, 16, 32]) {
  seconds[window] = []
  for (let at = 0; at < rounds; at += 1) seconds[window].push(await round(window))
}
console.log(JSON.stringify(seconds))
process.exit(0)
