// Reads the answers of ClickHouse (FORMAT JSONCompact) and of Prometheus (its HTTP API) into columns, series and values.
const isNumber = type => /Int|Float|Decimal/.test(type)
const isSql = target => 'rawSql' in target

/** Series over time: { name, points: [[milliseconds, number or null], ...] }. */
export function seriesOf(targets, fillsGaps) {
  const series = targets.flatMap(target => isSql(target) ? ofTable(target.answer) : target.answer.data.result.map(r => (
    { name: nameOf(target, r.metric), points: r.values.map(([t, v]) => [t * 1000, Number.isFinite(Number(v)) ? Number(v) : null]) })))
  if (!fillsGaps) return series
  const times = [...new Set(series.flatMap(s => s.points.map(p => p[0])))].sort((a, b) => a - b)
  return series.map(s => {
    const at = new Map(s.points)
    return { name: s.name, points: times.map(t => [t, at.get(t) ?? 0]) }
  })
}

/** Columns of a table: { name, numeric, unit, cells }. */
export function columnsOf(panel, targets) {
  const unitOf = name => panel.fieldConfig.overrides.find(o => o.matcher.options === name)?.properties[0].value ?? panel.fieldConfig.defaults.unit
  const columns = isSql(targets[0])
    ? targets[0].answer.meta.map((m, i) => ({ name: m.name.replace(/^v\./, ''), numeric: isNumber(m.type), cells: targets[0].answer.data.map(row => row[i] ?? (isNumber(m.type) ? NaN : '')) }))
    : ofVectors(panel, targets)
  return columns.map(c => ({ ...c, unit: unitOf(c.name) }))
}

/** Single values: { name, value }. */
export function valuesOf(targets) {
  return targets.flatMap(target => isSql(target)
    ? target.answer.meta.map((m, i) => ({ name: m.name, value: Number(target.answer.data[0]?.[i] ?? NaN) }))
    : target.answer.data.result.map(r => ({ name: nameOf(target, r.metric), value: Number(r.value[1]) })))
}

function ofTable({ meta, data }) {
  const time = meta.findIndex(m => m.name === 'time'), label = meta.findIndex((m, i) => i !== time && !isNumber(m.type))
  const numbers = meta.map((_, i) => i).filter(i => i !== time && i !== label)
  const series = new Map()
  for (const row of data) {
    for (const i of numbers) {
      const name = label < 0 ? meta[i].name.replace(/^v\./, '') : row[label] || '(none)'
      if (!series.has(name)) series.set(name, [])
      series.get(name).push([Date.parse(row[time].replace(' ', 'T') + 'Z'), Number(row[i])])
    }
  }
  return [...series].map(([name, points]) => ({ name, points }))
}

function ofVectors(panel, targets) {
  const organize = panel.transformations.find(t => t.id === 'organize').options
  const labels = [...new Set(targets.flatMap(t => t.answer.data.result.flatMap(r => Object.keys(r.metric))))].filter(l => l !== '__name__' && !organize.excludeByName[l])
  const rows = new Map()
  for (const t of targets) {
    for (const r of t.answer.data.result) {
      const key = labels.map(l => r.metric[l] ?? '').join('\u0000')
      if (!rows.has(key)) rows.set(key, { labels: labels.map(l => r.metric[l] ?? ''), values: {} })
      rows.get(key).values[t.refId] = r.value[1]
    }
  }
  const renamed = name => organize.renameByName[name] ?? name
  const all = [...rows.values()]
  return [
    ...labels.map((l, i) => ({ name: renamed(l), numeric: false, cells: all.map(r => r.labels[i]) })),
    ...targets.map(t => ({ name: renamed(targets.length > 1 ? `Value #${t.refId}` : 'Value'), numeric: true, cells: all.map(r => r.values[t.refId] ?? NaN) }))
  ]
}

function nameOf(target, metric) {
  if (target.legendFormat === '__auto') return Object.entries(metric).filter(([l]) => l !== '__name__').map(([l, v]) => `${l}=${v}`).join(', ')
  return target.legendFormat.replace(/\{\{(\w+)\}\}/g, (_, l) => metric[l] ?? '')
}
