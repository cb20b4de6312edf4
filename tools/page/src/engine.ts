export { Recording, places_parse } from "./recording";
export { states_compare } from "./compare";
export { History, state_text } from "./state";
