#![doc = include_str!("../README.md")]

mod authorize;
mod config;
mod event;
mod response;
mod token_request;

pub use access_keys::{KeyCache, KeysError, NetworkError, Networks, Scope, keys};
pub use authorize::{AuthorizerError, authorize, handle};
pub use config::{Config, Deps};
pub use event::{AuthorizerEvent, AuthorizerRequest, RequestContext};
pub use response::{AccessDecision, AuthorizerResponse};
pub use token_request::{TOKEN_ROUTES, TokenRequest, TokenResponse};
