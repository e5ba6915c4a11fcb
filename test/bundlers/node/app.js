import { ferry } from "./ferry.js";

const { openDataplane } = await import(process.argv[2]);
console.log(JSON.stringify(await ferry(openDataplane)));
