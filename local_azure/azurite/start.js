// Runs Azurite's blob service in this process and writes the ready file once it listens.
// node start.js PACKAGES READY_FILE [Azurite's own options]
"use strict";

const fs = require("node:fs");
const path = require("node:path");

const [node, , packages, readyFile, ...options] = process.argv;
process.argv = [node, "azurite-blob", ...options];

// Its address is only said, never returned; with port 0 nobody else knows it.
const say = console.log;
console.log = (...words) => {
  say(...words);
  const listens = /successfully listens on (http:\/\/[\d.]+:(\d+))/.exec(words.join(" "));
  if (listens === null) return;
  const draft = `${readyFile}.draft`;
  fs.writeFileSync(draft, JSON.stringify({ pid: process.pid, port: Number(listens[2]), url: listens[1] }));
  fs.renameSync(draft, readyFile);
};

require(path.join(packages, "node_modules", "azurite", "dist", "src", "blob", "main.js"));
