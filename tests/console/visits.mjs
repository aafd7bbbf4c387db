// All visits by their names: what is done on the pages of the console, and what is told of it.
import { VISITS as checks } from './visits/checks.mjs';
import { VISITS as compare } from './visits/compare.mjs';
import { VISITS as decoder } from './visits/decoder.mjs';
import { VISITS as pictures } from './visits/pictures.mjs';
import { VISITS as views } from './visits/views.mjs';

export const VISITS = { ...compare, ...views, ...checks, ...decoder, ...pictures };
