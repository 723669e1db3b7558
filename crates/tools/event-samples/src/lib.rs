#![doc = include_str!("../README.md")]

pub mod mparticle;
pub mod random;
pub mod sparkpost;
pub mod story;
pub mod track;
