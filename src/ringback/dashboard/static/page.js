// Every page without scripts is whole; this makes it live.
import { offerCopies } from "./copy.js";
import { listen } from "./live.js";
import { playground } from "./playground.js";
import { scrollOn } from "./scroll.js";
import { keepTimes, showTimes } from "./times.js";

keepTimes();
offerCopies();
playground();
scrollOn();
listen((part) => {
  showTimes(part);
  offerCopies(part);
});
