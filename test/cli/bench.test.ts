import { expect, test } from "vitest";
import { frameferry } from "./program.ts";

test("bench compares, as a table and as JSON", async () => {
  const text = await frameferry(["bench", "--seconds", "1"]);
  expect([text.status, text.stderr]).toEqual([0, ""]);
  expect(text.stdout.toString()).toContain("frameferry/wire");
  const { status, stdout } = await frameferry(["bench", "--seconds", "1", "--json"]);
  expect(status).toBe(0);
  const { command, tasks } = JSON.parse(stdout.toString());
  expect(command).toBe("bench");
  expect(tasks.length).toBeGreaterThan(20);
  for (const { nsPerFrame } of tasks) expect(nsPerFrame.median).toBeGreaterThan(0);
});
