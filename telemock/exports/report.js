"use strict";
(() => {
  const root = document.documentElement;
  const figures = JSON.parse(document.getElementById("figures").textContent);

  // On paper a chart is as wide as the page, which only a view box scales.
  const scale = (chart) => {
    const { width, height } = chart._fullLayout;
    chart.querySelector(".svg-container").style.setProperty("--ratio", `${width} / ${height}`);
    for (const svg of chart.querySelectorAll(".main-svg")) svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  };

  for (const chart of document.querySelectorAll(".chart")) {
    const { data, layout } = figures[chart.id];
    const options = { displayModeBar: false, displaylogo: false, responsive: true, showTips: false };
    Plotly.newPlot(chart, data, layout, options).then(() => {
      scale(chart);
      chart.on("plotly_afterplot", () => scale(chart));
      const values = chart.parentElement.querySelector("details");
      if (values) values.open = false;
    });
  }

  const button = document.getElementById("theme");
  const system = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : system.matches);
  const name = () => (button.textContent = isDark() ? "Light" : "Dark");
  button.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    name();
  });
  system.addEventListener("change", name);
  name();
  button.hidden = false;
})();
