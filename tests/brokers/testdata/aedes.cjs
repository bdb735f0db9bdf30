// aedes.cjs <folder where aedes is installed> <port> [<certificate> <key>]: a broker on loopback.
const [folder, port, cert, key] = process.argv.slice(2)
const { readFileSync } = require('node:fs')
const { Aedes } = require('node:module').createRequire(folder + '/')('aedes')
Aedes.createBroker({ concurrency: 1000 }).then((aedes) => {
  const server = cert
    ? require('node:tls').createServer({ cert: readFileSync(cert), key: readFileSync(key) }, aedes.handle)
    : require('node:net').createServer(aedes.handle)
  server.listen(Number(port), '127.0.0.1')
})
process.on('SIGTERM', () => process.exit(0))
