// Runs once before the browser tests, and not at all when only the node project is asked for.
import { findChromium } from "../../scripts/find-chromium.mjs";

export default async function setup(): Promise<void> {
  process.env.FRAMEFERRY_CHROMIUM = await findChromium();
}
