// Every page works without scripts; this keeps it up to date.
import { offerChoice } from "./choose.js";
import { offerCopies } from "./copy.js";
import { showLengths } from "./lengths.js";
import { listen } from "./live.js";
import { showMeshes } from "./mesh.js";
import { showPresentPage } from "./navigation.js";
import { playground } from "./playground.js";
import { scrollOn } from "./scroll.js";
import { keepTimes, showTimes } from "./times.js";

keepTimes();
showPresentPage();
offerCopies();
offerChoice();
playground();
showLengths();
showMeshes();
scrollOn();
listen((part) => {
  showTimes(part);
  offerCopies(part);
  offerChoice(part);
  showMeshes(part);
});
