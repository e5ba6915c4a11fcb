import { createDataplane } from "frameferry";

export const openDataplane = () => createDataplane({ workers: 2 });
