#![doc = include_str!("../README.md")]

mod request;
mod response;

pub use request::{Request, RequestType, ResponseUrl};
pub use response::{Responder, ResponseError};
