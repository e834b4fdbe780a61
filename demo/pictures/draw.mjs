// Draws each dashboard of deploy/grafana as one SVG, from the answers that `tollgate-demo dashboards` wrote:
//   node draw.mjs DASHBOARDS ANSWERS PICTURES
// A dashboard without answers keeps the picture that it has. Panels are placed as in Grafana; looks are this script's own.
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as echarts from 'echarts'
import { columnsOf, seriesOf, valuesOf } from './answers.mjs'
import { format } from './format.mjs'

const [dashboards, answers, pictures] = process.argv.slice(2)
const UNIT_WIDTH = 60, UNIT_HEIGHT = 32, GAP = 8, HEAD = 30
const PALETTE = ['#3b6fb6', '#d9822b', '#4a9c6d', '#8e63b5', '#c2506e', '#5aa8b8', '#a58a3c', '#7d8790', '#b0563b', '#3f7f7a']
const FONT = 'font-family="system-ui, -apple-system, Segoe UI, Roboto, sans-serif"'

function drawDashboard(dashboard, answered) {
  const height = Math.max(...dashboard.panels.map(p => p.gridPos.y + p.gridPos.h)) * UNIT_HEIGHT + GAP
  const width = 24 * UNIT_WIDTH + GAP
  const panels = dashboard.panels.map(panel => drawPanel(panel, panel.targets.map(t => ({ ...t, answer: answered[panel.id + t.refId] }))))
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" ${FONT}>\n` +
    `<title>${escape(dashboard.title)}</title><rect width="${width}" height="${height}" fill="#eef0f3"/>\n${panels.join('\n')}\n</svg>\n`
}

function drawPanel(panel, targets) {
  const g = panel.gridPos
  const w = g.w * UNIT_WIDTH - GAP, h = g.h * UNIT_HEIGHT - GAP
  const draw = { timeseries: drawChart, barchart: drawBars, table: drawTable, stat: drawStat, bargauge: drawGauges }[panel.type]
  return `<svg x="${g.x * UNIT_WIDTH + GAP}" y="${g.y * UNIT_HEIGHT + GAP}" width="${w}" height="${h}" overflow="hidden">` +
    `<rect x=".5" y=".5" width="${w - 1}" height="${h - 1}" rx="4" fill="#fff" stroke="#d5d9de"/>` +
    `<text x="12" y="20" font-size="13" font-weight="600" fill="#24292f">${escape(panel.title)}</text>` +
    `<svg x="0" y="${HEAD}" width="${w}" height="${h - HEAD}">${draw(panel, targets, w, h - HEAD)}</svg></svg>`
}

function chart(option, w, h) {
  const instance = echarts.init(null, null, { renderer: 'svg', ssr: true, width: w, height: h })
  instance.setOption({ animation: false, color: PALETTE, textStyle: { fontFamily: 'system-ui, sans-serif', fontSize: 11 }, ...option })
  const svg = instance.renderToSVGString()
  instance.dispose()
  return svg.replace(/<style[\s\S]*?<\/style>/g, '').replace(/ (class|ecmeta_\w+)="[^"]*"/g, '').replace(/<[^>]+>/g, tag => tag.replace(/(\d+\.\d)\d+/g, '$1')).replace(/<rect width="\d+" height="\d+" x="0" y="0" fill="none"><\/rect>/, '')
}

const legend = { bottom: 2, left: 8, right: 8, type: 'plain', itemWidth: 12, itemHeight: 8, itemGap: 18, textStyle: { fontSize: 10 } }
const grid = names => ({ left: 8, right: 14, top: 8, bottom: 20 + 14 * Math.ceil(names.join('').length * 5.6 / 640 + names.length * 30 / 640), containLabel: true })

function drawChart(panel, targets, w, h) {
  const { unit, custom } = panel.fieldConfig.defaults
  const series = seriesOf(targets, custom.stacking.mode === 'normal')
  return chart({
    grid: grid(series.map(s => s.name)), legend, xAxis: { type: 'time', axisLabel: { fontSize: 10, hideOverlap: true }, splitNumber: 5 },
    yAxis: { type: 'value', axisLabel: { fontSize: 10, formatter: v => format(v, unit) } },
    series: series.map(s => ({
      name: s.name, type: custom.drawStyle === 'bars' ? 'bar' : 'line', data: s.points, showSymbol: false, symbol: 'none', barMaxWidth: 18,
      stack: custom.stacking.mode === 'normal' ? 'all' : undefined, lineStyle: { width: custom.lineWidth }, areaStyle: custom.stacking.mode === 'normal' ? { opacity: 0.55 } : undefined
    }))
  }, w, h)
}

function drawBars(panel, targets, w, h) {
  const columns = columnsOf(panel, targets)
  const names = columns.find(c => !c.numeric), numbers = columns.filter(c => c.numeric)
  return chart({
    grid: grid(numbers.map(c => c.name)), legend, xAxis: { type: 'category', data: names.cells, axisLabel: { fontSize: 10, interval: 0, width: 110, overflow: 'truncate' } },
    yAxis: { type: 'value', axisLabel: { fontSize: 10, formatter: v => format(v, panel.fieldConfig.defaults.unit) } },
    series: numbers.map(c => ({ name: c.name, type: 'bar', barMaxWidth: 40, data: c.cells.map(Number), stack: panel.options.stacking === 'normal' ? 'all' : undefined }))
  }, w, h)
}

function drawTable(panel, targets, w, h) {
  const columns = columnsOf(panel, targets)
  const shown = columns.map(c => ({ ...c, texts: c.cells.map(cell => c.numeric ? format(Number(cell), c.unit) : String(cell)) }))
  const wishes = shown.map(c => Math.min(Math.max(c.name.length, ...c.texts.map(t => t.length)) + 2, 40))
  const sum = wishes.reduce((a, b) => a + b, 0)
  const fits = Math.floor((h - 24) / 19)
  let x = 12, svg = ''
  shown.forEach((c, i) => {
    const width = wishes[i] / sum * (w - 24), right = c.numeric, at = right ? x + width - 8 : x
    const letters = Math.max(4, Math.floor((width - 2) / 6.1))
    const text = (t, y, more, size = 11) => `<text x="${at.toFixed(0)}" y="${y}" font-size="${size}"${right ? ' text-anchor="end"' : ''} ${more}>${escape(t.length > letters ? t.slice(0, letters - 1) + '…' : t)}</text>`
    svg += text(c.name, 12, 'fill="#57606a" font-weight="600"', 10) + c.texts.slice(0, fits).map((t, row) => text(t, 31 + row * 19, 'fill="#24292f"')).join('')
    x += width
  })
  for (let row = 0; row <= Math.min(fits, shown[0]?.texts.length ?? 0); row++) svg += `<line x1="12" x2="${w - 12}" y1="${18 + row * 19}" y2="${18 + row * 19}" stroke="#e6e9ed"/>`
  return svg
}

function drawStat(panel, targets, w, h) {
  const values = valuesOf(targets), { unit, decimals, thresholds } = panel.fieldConfig.defaults
  return values.map((v, i) => {
    const width = w / values.length, colour = colourOf(thresholds, v.value)
    return `<text x="${(width * (i + 0.5)).toFixed(0)}" y="${h / 2 + 8}" font-size="${values.length > 1 ? 24 : 30}" font-weight="600" text-anchor="middle" fill="${colour}">${escape(format(v.value, unit, decimals))}</text>` +
      (values.length > 1 ? `<text x="${(width * (i + 0.5)).toFixed(0)}" y="${h / 2 + 26}" font-size="11" text-anchor="middle" fill="#57606a">${escape(v.name)}</text>` : '')
  }).join('')
}

function drawGauges(panel, targets, w, h) {
  const { unit, thresholds, max } = panel.fieldConfig.defaults
  const values = valuesOf(targets).slice(0, Math.floor(h / 24)), bar = w - 420
  return values.map((v, i) => {
    const y = 4 + i * 24
    return `<text x="12" y="${y + 13}" font-size="11" fill="#24292f">${escape(v.name)}</text><rect x="330" y="${y}" width="${bar}" height="17" fill="#eef0f3"/>` +
      `<rect x="330" y="${y}" width="${(bar * Math.min(v.value / max, 1)).toFixed(0)}" height="17" fill="${colourOf(thresholds, v.value)}"/>` +
      `<text x="${w - 12}" y="${y + 13}" font-size="12" font-weight="600" text-anchor="end" fill="#24292f">${escape(format(v.value, unit))}</text>`
  }).join('')
}

function colourOf(thresholds, value) {
  const step = thresholds.steps.filter(s => s.value === null || value >= s.value).at(-1)
  return { green: '#2f7d4f', orange: '#c46a12', red: '#b42a35', blue: '#2b5fa5' }[step.color]
}

function escape(text) {
  return String(text).replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;')
}

for (const set of ['clickhouse', 'prometheus']) {
  for (const file of readdirSync(join(dashboards, set))) {
    const answered = join(answers, set, file)
    if (!existsSync(answered)) continue
    const svg = drawDashboard(JSON.parse(readFileSync(join(dashboards, set, file))), JSON.parse(readFileSync(answered)))
    mkdirSync(join(pictures, set), { recursive: true })
    const picture = join(pictures, set, file.replace('.json', '.svg'))
    writeFileSync(picture, svg)
    console.log(`${picture}: ${Math.round(svg.length / 1024)} KB`)
  }
}
