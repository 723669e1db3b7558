//! Authentication with the database.

use std::{env, fmt, str::FromStr, time::SystemTime};

use secrecy::{ExposeSecret, SecretString};
use sqlx::postgres::PgConnectOptions;

use crate::{
    StoreError,
    iam_token::{RoleCredentials, token},
};

/// How a connection authenticates.
#[derive(Clone, Debug, Default)]
pub enum Login {
    /// By the URL.
    #[default]
    Url,
    /// As the URL's user, with a token signed with the credentials of the process's role: there is no password.
    Iam,
    /// As another user than the URL's.
    As {
        /// The role in the database.
        user: String,
        /// Its password.
        password: SecretString,
    },
}

/// An unknown way to authenticate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("neither password nor iam")]
pub struct LoginError;

impl FromStr for Login {
    type Err = LoginError;

    fn from_str(text: &str) -> Result<Self, LoginError> {
        match text {
            "password" => Ok(Self::Url),
            "iam" => Ok(Self::Iam),
            _ => Err(LoginError),
        }
    }
}

/// The server, and how to authenticate.
#[derive(Clone)]
pub(crate) struct Target {
    pub(crate) options: PgConnectOptions,
    pub(crate) login: Login,
    /// Statements that configure a new connection, separated by semicolons.
    pub(crate) settings: String,
}

impl Target {
    /// The options of a connection that is opened at `now`: a token is valid for a quarter of an hour.
    pub(crate) fn options_at(&self, now: SystemTime) -> Result<PgConnectOptions, StoreError> {
        let options = self.options.clone();
        match &self.login {
            Login::Url => Ok(options),
            Login::Iam => {
                // As the AWS SDK does: Lambda sets the role's credentials in the environment.
                let role = RoleCredentials::from_variables(|name| env::var(name).ok())?;
                let token = token(
                    &role,
                    options.get_host(),
                    options.get_port(),
                    options.get_username(),
                    now,
                )?;
                Ok(options.password(token.expose_secret()))
            }
            Login::As { user, password } => {
                Ok(options.username(user).password(password.expose_secret()))
            }
        }
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Target").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_for_ways_to_log_in() {
        assert!(matches!("password".parse(), Ok(Login::Url)));
        assert!(matches!("iam".parse(), Ok(Login::Iam)));
        assert_eq!("IAM".parse::<Login>().unwrap_err(), LoginError);
    }

    #[test]
    fn somebody_else_replaces_the_user_of_the_url() {
        let options = "postgres://loader@localhost/d".parse().unwrap();
        let target = Target {
            options,
            login: Login::As {
                user: "master".to_owned(),
                password: SecretString::from("planted"),
            },
            settings: String::new(),
        };

        let options = target.options_at(SystemTime::UNIX_EPOCH).unwrap();

        assert_eq!(options.get_username(), "master");
        assert!(!format!("{target:?}").contains("planted"));
    }
}
