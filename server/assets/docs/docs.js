// Shows /openapi.json. Text is only ever set as text, never as HTML.
"use strict";

function make(tag, properties, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

function who(operation) {
  const names = operation.security.flatMap((scheme) => Object.keys(scheme));
  if (names.length === 0) return "anyone";
  const roles = operation["x-roles"] || [];
  return names.join(" or ") + (roles.length ? ": " + roles.join(", ") : "");
}

function shape(label, content, schemas) {
  const entry = content && Object.values(content)[0];
  if (!entry) return [];
  const name = entry.schema.$ref.split("/").pop();
  const schema = schemas[name] || {};
  const example = schema.examples ? JSON.stringify(schema.examples[0], null, 2) : "";
  return [make("p", {}, label + " ", make("strong", {}, name), ": " + (schema.description || "")), make("pre", {}, example)];
}

function route(path, verb, operation, schemas) {
  const details = make("details", {},
    make("summary", {},
      make("span", { className: "verb" }, verb.toUpperCase()), make("code", {}, path),
      " " + operation.summary + " ", make("span", { className: "who" }, "(" + who(operation) + ")")));
  const rows = (operation.parameters || []).map((parameter) => make("tr", {},
    make("td", {}, make("code", {}, parameter.name)), make("td", {}, parameter.in), make("td", {}, parameter.description || "")));
  if (rows.length) details.append(make("table", {}, ...rows));
  if (operation.requestBody) details.append(...shape("Takes", operation.requestBody.content, schemas));
  details.append(...shape("Gives", operation.responses["200"].content, schemas));
  return details;
}

async function show() {
  const document_ = await (await fetch("/openapi.json")).json();
  document.getElementById("about").textContent = document_.info.description + " Version " + document_.info.version + ".";
  const groups = new Map();
  for (const [path, verbs] of Object.entries(document_.paths)) {
    for (const [verb, operation] of Object.entries(verbs)) {
      const tag = operation.tags[0];
      if (!groups.has(tag)) groups.set(tag, make("section", {}, make("h2", {}, tag)));
      groups.get(tag).append(route(path, verb, operation, document_.components.schemas));
    }
  }
  const main = document.getElementById("routes");
  main.replaceChildren(...groups.values());
  document.getElementById("filter").addEventListener("input", (event) => {
    const wanted = event.target.value.toLowerCase();
    for (const details of main.querySelectorAll("details")) {
      details.hidden = !details.firstChild.textContent.toLowerCase().includes(wanted);
    }
  });
}

show().catch(() => { document.getElementById("routes").textContent = "The description could not be loaded."; });
