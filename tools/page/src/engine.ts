export { Recording, places_parse } from "./recording";
export { History, state_text } from "./state";
