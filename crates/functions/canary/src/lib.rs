#![doc = include_str!("../README.md")]

mod config;
mod flight;

pub use config::{Config, Deps};
pub use flight::{FlightError, handle};
