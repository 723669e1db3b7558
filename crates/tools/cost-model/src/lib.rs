#![doc = include_str!("../README.md")]

pub mod article;
pub mod bill;
pub mod prices;
pub mod report;
pub mod scenario;
pub mod usage;

pub use bill::{Bill, Line};
pub use prices::Meter;
pub use scenario::{
    AppEvents, Database, EmailEvents, Endpoint, ProductEvents, QueryLoad, Scenario, Shape,
};
pub use usage::{Item, StackPart, Use};
