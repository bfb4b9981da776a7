//! Tests of the replica: examples of single rules, the language-neutral vectors, and random
//! worlds of phones around a model of the centre.

mod centre;
mod rules;
mod vectors;
mod world;
