//! Tests of the crate from outside.

mod objects;
mod people;
mod properties;
