#![doc = include_str!("../README.md")]

pub mod mparticle;
mod random;
pub mod sparkpost;
pub mod track;
