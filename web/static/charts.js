// Charts of the activity page, drawn by uPlot out of data-chart: {of, at | names, series: [{ink, label, values}]}.
// Colours are the classes `ink-*` of the stylesheet, so they follow light and dark. The same figures stand in a table.
(() => {
  "use strict";
  const DAY_S = 86_400;
  const ROW = 34;
  const BESIDE = 64;

  /** The colour that a class gives to text, which is what light-dark() came to. */
  const colour = (name) => {
    const probe = document.createElement("span");
    probe.className = `ink-${name}`;
    document.body.append(probe);
    const found = getComputedStyle(probe).color;
    probe.remove();
    return found;
  };
  const font = () => `12px ${getComputedStyle(document.body).fontFamily}`;
  const whole = new Intl.NumberFormat();
  const wholeOnly = (_chart, splits) => splits.map((value) => (Number.isInteger(value) ? whole.format(value) : ""));
  const shortened = (name, most) => (name.length > most ? `${name.slice(0, most - 1)}…` : name);
  const axis = (more) => ({
    font: font(),
    labelFont: font(),
    stroke: colour("axis"),
    grid: { stroke: colour("grid"), width: 1 },
    ticks: { stroke: colour("grid"), width: 1 },
    ...more,
  });
  const bars = (one, more) => ({
    label: one.label,
    stroke: colour(one.ink),
    fill: colour(one.ink),
    width: 0,
    points: { show: false },
    ...more,
  });

  const overTime = (data, label) => {
    const day = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });
    const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
    const moment = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
    const span = data.at.at(-1) - data.at[0];
    const told = (seconds) => {
      const at = new Date(seconds * 1000);
      return span > 2 * DAY_S || (at.getHours() === 0 && at.getMinutes() === 0) ? day.format(at) : clock.format(at);
    };
    const most = Math.max(4, ...data.series.flatMap((one) => one.values));
    return {
      options: {
        height: 230,
        cursor: { y: false, points: { show: false } },
        scales: { x: { time: true, range: (_c, from, to) => [from, to + data.bucket_s] }, y: { range: [0, most * 1.08] } },
        series: [
          { label: data.of, value: (_c, at) => (at == null ? "–" : moment.format(new Date(at * 1000))) },
          ...data.series.map((one) => bars(one, {
            value: (_c, value) => (value == null ? "–" : whole.format(value)),
            paths: uPlot.paths.bars({ size: [0.8, 40], align: 1 }),
          })),
        ],
        axes: [
          axis({ space: 70, size: 32, values: (_c, splits) => splits.map(told), incrs: [3600, 10_800, 21_600, DAY_S, 2 * DAY_S, 5 * DAY_S, 7 * DAY_S] }),
          axis({ label, size: 48, labelSize: 20, values: wholeOnly }),
        ],
      },
      values: [data.at, ...data.series.map((one) => one.values)],
    };
  };

  /** Lying bars, one row per name. `stacked`: each series begins where the one before it ended. */
  const byName = (data, label, width, stacked) => {
    const sums = data.names.map(() => 0);
    const drawn = data.series.map((one) => one.values.map((value, row) => {
      if (!stacked) return value;
      sums[row] += value;
      return sums[row];
    }));
    const order = data.series.map((_one, number) => number);
    if (stacked) order.reverse(); // the longest first, so that the others cover its beginning
    const beside = Math.min(150, Math.round(width * 0.36));
    const most = Math.max(1, ...drawn.flat());
    return {
      options: {
        height: BESIDE + ROW * data.names.length,
        cursor: { x: false, points: { show: false } },
        scales: {
          x: { time: false, ori: 1, dir: -1, range: [-0.6, data.names.length - 0.4] },
          y: { ori: 0, dir: 1, range: [0, most * 1.08] },
        },
        series: [
          { label: data.of, value: (_c, row) => data.names[row] ?? "–" },
          ...order.map((number) => bars(data.series[number], {
            value: (_c, _v, _s, row) => (row == null ? "–" : whole.format(data.series[number].values[row])),
            paths: uPlot.paths.bars({ size: [0.66, 22] }),
          })),
        ],
        axes: [
          axis({
            side: 3, size: beside, grid: { show: false }, ticks: { show: false },
            splits: () => data.names.map((_name, row) => row),
            values: () => data.names.map((name) => shortened(name, Math.floor(beside / 7.5))),
          }),
          axis({ side: 2, scale: "y", label, size: 32, labelSize: 20, space: 60, values: wholeOnly }),
        ],
      },
      values: [data.names.map((_name, row) => row), ...order.map((number) => drawn[number])],
    };
  };

  const draw = (place) => {
    const data = JSON.parse(place.dataset.chart);
    place.hidden = false;
    place.replaceChildren();
    const width = place.clientWidth;
    if (!width) return;
    const { axis: label, kind } = place.dataset;
    const { options, values } = kind === "time" ? overTime(data, label) : byName(data, label, width, kind === "stack");
    new uPlot({ width, legend: { live: true }, ...options }, values, place);
  };

  const start = () => {
    if (typeof uPlot === "undefined") return;
    const places = [...document.querySelectorAll(".chart[data-chart]")];
    const all = () => places.forEach(draw);
    all();
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", all);
    let width = innerWidth;
    addEventListener("resize", () => {
      if (innerWidth === width) return;
      width = innerWidth;
      all();
    });
  };
  document.addEventListener("DOMContentLoaded", start);
})();
