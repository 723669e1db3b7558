#![doc = include_str!("../README.md")]

mod answer;
mod authorize;
mod config;
mod network;
mod question;
mod token_request;

pub use access_keys::{KeyCache, KeysError, Scope, keys};
pub use answer::{Answer, AuthorizerResponse};
pub use authorize::{Unanswered, authorize, handle};
pub use config::{Config, Deps};
pub use network::{Network, NetworkError};
pub use question::{AuthorizerRequest, Question, RequestContext};
pub use token_request::{TokenRequest, TokenResponse};
