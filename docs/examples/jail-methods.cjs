/* global exports, require */
const fs = require('fs')

exports.methods = {
  'file stat'(data) {
    fs.stat(data.filepath, (err, stat) => {
      if (err) return process.send({ action: 'error', data: `${err.name} : ${err.message}` })
      process.send({ action: data.action, data: { size: stat.size } })
    })
  },
}
