#![doc = include_str!("../README.md")]

mod random;
pub mod sparkpost;
