#![doc = include_str!("../README.md")]

mod answer;
mod authorize;
mod config;
mod question;
mod token_request;

pub use access_keys::{KeyCache, KeysError, Network, NetworkError, Networks, Scope, keys};
pub use answer::{Answer, AuthorizerResponse};
pub use authorize::{Unanswered, authorize, handle};
pub use config::{Config, Deps};
pub use question::{AuthorizerRequest, Question, RequestContext};
pub use token_request::{TOKEN_ROUTES, TokenRequest, TokenResponse};
