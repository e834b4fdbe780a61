// Numbers as Grafana would show them, roughly.
const short = (v, digits = 1) => {
  const size = Math.abs(v)
  for (const [limit, letter] of [[1e9, 'B'], [1e6, 'M'], [1e3, 'K']]) if (size >= limit) return trim((v / limit).toFixed(digits)) + ' ' + letter
  return trim(v.toFixed(size >= 100 ? 0 : size >= 1 ? 2 : 4))
}

const trim = text => text.includes('.') ? text.replace(/\.?0+$/, '') : text

/** A number with its unit. */
export function format(value, unit, decimals) {
  if (!Number.isFinite(value)) return '–'
  switch (unit) {
    case 'currencyUSD': return (value < 0 ? '-$' : '$') + (Math.abs(value) >= 1000 ? short(Math.abs(value), 2) : Math.abs(value) >= 0.01 || value === 0 ? Math.abs(value).toFixed(decimals ?? 2) : trim(Math.abs(value).toPrecision(2)))
    case 'percentunit': return trim((value * 100).toFixed(decimals ?? 1)) + ' %'
    case 'percent': return trim(value.toFixed(1)) + ' %'
    case 'ms': return value >= 60000 ? trim((value / 60000).toFixed(1)) + ' min' : value >= 1000 ? trim((value / 1000).toFixed(1)) + ' s' : trim(value.toFixed(0)) + ' ms'
    case 'µs': return value >= 1e6 ? trim((value / 1e6).toFixed(1)) + ' s' : value >= 1000 ? trim((value / 1000).toFixed(1)) + ' ms' : trim(value.toFixed(0)) + ' µs'
    case 's': return value >= 60 ? trim((value / 60).toFixed(1)) + ' min' : value >= 1 || value === 0 ? trim(value.toFixed(1)) + ' s' : trim((value * 1000).toFixed(1)) + ' ms'
    case 'bytes': return value >= 1048576 ? trim((value / 1048576).toFixed(1)) + ' MiB' : trim((value / 1024).toFixed(1)) + ' KiB'
    case 'reqps': return short(value) + ' req/s'
    case 'rowsps': return short(value) + ' rows/s'
    case 'short': return short(value)
    default: return Number.isInteger(value) ? String(value) : trim(value.toFixed(2))
  }
}
