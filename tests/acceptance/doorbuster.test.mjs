// The browser's module, in Node: what a checkout comes to, whatever happens on the way. Run by
// test_browser_module.py, which starts the shop and names it in the environment.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { readFile } from "node:fs/promises";
import { test } from "node:test";

const { GATEWAY, LINK, TOKEN, SALE, MODULE } = process.env;

// A browser has one of these for each tab, and keeps it over reloads.
const stored = new Map();
globalThis.sessionStorage = {
  getItem: (name) => stored.get(name) ?? null,
  setItem: (name, value) => stored.set(name, value),
  removeItem: (name) => stored.delete(name),
};
const source = await readFile(MODULE, "utf8");
const load = () => import(`data:text/javascript,${encodeURIComponent(`${source}//${stored.size}`)}`);
const { Customer, forgetKey, keptKey } = await load();

const RESERVATION = { id: "2a97516c-472a-8b3d-8b6b-dd67fd29f792", state: "held" };
const reserved = { status: 201, body: RESERVATION };
const replayed = { status: 200, body: RESERVATION, headers: { "Idempotency-Replayed": "true" } };
const pending = { status: 202, body: { id: RESERVATION.id, state: "unknown" } };
const lost = null;
const problem = (status, code, members = {}) => ({
  status,
  body: { code, ...members },
  headers: { "Content-Type": "application/problem+json" },
});
const busy = problem(503, "overloaded");
const denied = problem(401, "unauthenticated");
const defect = problem(500, "internal");
const proxy = { status: 503, body: "no upstream" };
const soldOut = problem(409, "insufficient-stock", { lines: [{ sku: "LAMP-1", available: 0 }] });

/** A checkout at a server that gives these answers, the last one again and again. */
async function checkOut(answers, { seconds = 5 } = {}) {
  const keys = [];
  const server = createServer((request, response) => {
    const answer = answers[Math.min(keys.length, answers.length - 1)];
    keys.push(request.headers["idempotency-key"]);
    request.resume().on("end", () => {
      if (!answer) return request.socket.destroy();
      response.writeHead(answer.status, { "Content-Type": "application/json", ...answer.headers });
      response.end(JSON.stringify(answer.body));
    });
  });
  await new Promise((ready) => server.listen(0, "127.0.0.1", ready));
  const base = `http://127.0.0.1:${server.address().port}`;
  const buyer = new Customer({ base, token: () => "token", seconds });
  try {
    return { ...(await buyer.checkout("friday", { "LAMP-1": 1 }, "k-1")), keys };
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

for (const before of [[], [lost], [busy], [pending], [defect], [proxy], [lost, busy, pending]]) {
  test(`it is sent until the answer is certain: ${before.length}`, async () => {
    const { outcome, reservation, keys } = await checkOut([...before, before.length ? replayed : reserved]);
    assert.equal(outcome, "reserved");
    assert.equal(reservation.id, RESERVATION.id);
    assert.deepEqual(keys, Array(before.length + 1).fill("k-1"));
  });
}

test("sold out names what is left, also after an answer was lost", async () => {
  const answer = await checkOut([lost, soldOut]);
  assert.equal(answer.outcome, "sold-out");
  assert.deepEqual(answer.left, { "LAMP-1": 0 });
});

for (const status of [400, 401, 403, 404, 409, 422]) {
  test(`a refusal is not asked for twice: ${status}`, async () => {
    const { outcome, code, keys } = await checkOut([problem(status, "no")]);
    assert.deepEqual([outcome, code, keys.length], ["refused", "no", 1]);
  });
}

test("nothing happened as long as the gateway says so", async () => {
  const { outcome, code } = await checkOut([busy], { seconds: 0.5 });
  assert.deepEqual([outcome, code], ["refused", "overloaded"]);
});

for (const first of [lost, defect, proxy]) {
  for (const later of [[], [busy], [denied], [defect], [proxy]]) {
    test("what may have happened is never called refused", async () => {
      const { outcome } = await checkOut([first, ...later], { seconds: 0.5 });
      assert.equal(outcome, "unknown");
    });
  }
}

test("the id of what is pending is told", async () => {
  const { outcome, id } = await checkOut([pending], { seconds: 0.5 });
  assert.deepEqual([outcome, id], ["unknown", RESERVATION.id]);
});

test("nobody comes back before they were asked to", async () => {
  const began = Date.now();
  const { outcome } = await checkOut([{ ...busy, headers: { ...busy.headers, "Retry-After": "1" } }, reserved]);
  assert.equal(outcome, "reserved");
  assert.ok(Date.now() - began >= 1000);
});

test("a wish keeps its key over a reload, until it is forgotten", async () => {
  const key = keptKey("friday/LAMP-1");
  const reloaded = await load();
  assert.equal(reloaded.keptKey("friday/LAMP-1"), key);
  assert.notEqual(keptKey("friday/MUG"), key);
  forgetKey("friday/LAMP-1");
  assert.notEqual(keptKey("friday/LAMP-1"), key);
});

test("at a real gateway, over a link that loses half of the answers", async () => {
  const buyer = new Customer({ base: LINK, token: () => TOKEN, seconds: 120 });
  const key = keptKey(`${SALE}/LAMP-1`);
  const first = await buyer.checkout(SALE, { "LAMP-1": 1 }, key);
  const again = await buyer.checkout(SALE, { "LAMP-1": 1 }, key);
  assert.deepEqual([first.outcome, again.outcome], ["reserved", "reserved"]);
  assert.equal(again.reservation.id, first.reservation.id);
  assert.equal(again.replayed, true);
  const other = await new Customer({ base: GATEWAY, token: () => TOKEN }).checkout(SALE, { "LAMP-1": 1 }, "other");
  assert.deepEqual([other.outcome, other.left], ["sold-out", { "LAMP-1": 0 }]);
  const released = await buyer.release(first.reservation.id);
  assert.equal(released.reservation.state, "released");
});
