#![doc = include_str!("../README.md")]

mod answer;
mod request;

pub use answer::{AnswerError, Answers};
pub use request::{Request, RequestType, ResponseUrl};
