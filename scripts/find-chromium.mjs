// Finds a Chromium for the browser tests; as root on Debian or Ubuntu it installs one where there is none.
// By hand: node scripts/find-chromium.mjs   prints the path.
import { spawnSync } from "node:child_process";
import { accessSync, constants, existsSync, realpathSync } from "node:fs";
import { delimiter, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

const VARIABLE = "FRAMEFERRY_CHROMIUM";
const COMMANDS = ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome", "chrome"];
const MAC_APPLICATIONS = [
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
  "/Applications/Chromium.app/Contents/MacOS/Chromium",
];
const APT_ATTEMPTS = 5;
const APT_PAUSE_MS = 10_000;
const APT_TIMEOUT_MS = 15 * 60_000;

/**
 * The path of a Chromium or Chrome that starts. Looks at the environment variable FRAMEFERRY_CHROMIUM, in
 * Playwright's cache, at what is installed, and then asks apt. Throws an Error that says what to do.
 * @param {(line: string) => void} [say] takes progress messages; standard error by default
 * @returns {Promise<string>}
 */
export async function findChromium(say = (line) => console.error(`find-chromium: ${line}`)) {
  const wanted = process.env[VARIABLE];
  if (wanted) {
    const problem = whyItDoesNotStart(wanted);
    if (problem === undefined) return wanted;
    // Someone asked for this one: another in its place would hide the mistake.
    throw new Error(`${VARIABLE} is ${JSON.stringify(wanted)}, which does not start: ${problem}`);
  }
  const found = (await fromPlaywright()) ?? installed();
  if (found !== undefined) return found;
  const reason = await installByApt(say);
  const fresh = installed();
  if (fresh !== undefined) return fresh;
  throw new Error(
    `no Chromium found${reason === undefined ? "" : ` (${reason})`}: ` +
      `install Chromium or Chrome, or set ${VARIABLE} to the path of one.`,
  );
}

async function fromPlaywright() {
  try {
    const { chromium } = await import("playwright");
    const path = chromium.executablePath();
    return whyItDoesNotStart(path) === undefined ? path : undefined;
  } catch {
    return undefined; // no browser of Playwright's for this system
  }
}

function installed() {
  const folders = (process.env.PATH ?? "").split(delimiter).filter((folder) => folder !== "");
  const paths = COMMANDS.flatMap((command) => folders.map((folder) => join(folder, command)));
  if (process.platform === "darwin") paths.push(...MAC_APPLICATIONS);
  return paths.find((path) => whyItDoesNotStart(path) === undefined);
}

// Asked to start, not only looked at: Ubuntu has a /usr/bin/chromium-browser that only advises to install it.
function whyItDoesNotStart(path) {
  try {
    accessSync(path, constants.X_OK);
  } catch (error) {
    return error.code === "ENOENT" ? "there is no such file" : `it cannot be executed (${error.code})`;
  }
  const { status, error, stdout } = spawnSync(path, ["--version"], { encoding: "utf8", timeout: 60_000 });
  if (error !== undefined) return error.message;
  if (status !== 0) return `\`--version\` ended with status ${status}`;
  return /chrom/i.test(stdout) ? undefined : "it does not call itself Chrome or Chromium";
}

/** Returns why nothing was installed, or undefined. */
async function installByApt(say) {
  if (!existsSync("/usr/bin/apt-get")) return "there is no apt-get to install it with";
  if (process.getuid?.() !== 0) return "only root can install it by apt";
  say("no Chromium here; installing it by apt (about a minute, 300 MB on disk) ...");
  for (let attempt = 1; ; attempt++) {
    const failure = apt("update") ?? apt("install", "-y", "--no-install-recommends", "chromium");
    if (failure === undefined) {
      say("installed.");
      return undefined;
    }
    // Nobody waits for the lock of the package lists but us: apt-get update gives up at once.
    const retry = /could not get lock|unable to (lock|acquire)|temporary failure|failed to fetch/i.test(
      failure,
    );
    if (!retry || attempt === APT_ATTEMPTS) return `apt-get said: ${lastLines(failure)}`;
    say(`apt-get is locked or the network is slow; again in ${APT_PAUSE_MS / 1000} s (${attempt})`);
    await sleep(APT_PAUSE_MS);
  }
}

function apt(...args) {
  const options = ["-q", "-o", "DPkg::Lock::Timeout=300", "-o", "Acquire::Retries=3"];
  const { status, error, stdout, stderr } = spawnSync("/usr/bin/apt-get", [...options, ...args], {
    env: { ...process.env, DEBIAN_FRONTEND: "noninteractive", LC_ALL: "C" },
    stdio: ["ignore", "pipe", "pipe"],
    encoding: "utf8",
    timeout: APT_TIMEOUT_MS,
    maxBuffer: 64 * 1024 * 1024,
  });
  if (error !== undefined) return error.message;
  return status === 0 ? undefined : `${stdout}\n${stderr}`;
}

function lastLines(text) {
  const lines = text.split("\n").filter((line) => /^E:|^W:/.test(line));
  return lines.slice(-3).join(" ") || text.trim().split("\n").at(-1);
}

if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  try {
    console.log(await findChromium());
  } catch (error) {
    console.error(`find-chromium: ${error.message}`);
    process.exitCode = 1;
  }
}
