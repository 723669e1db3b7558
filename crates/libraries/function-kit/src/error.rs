//! Errors are printed once, with all their causes, where they are handled.

use std::{error::Error, fmt, process::ExitCode};

use tracing::error;

/// Any error on its way to the place that handles it.
pub type BoxError = Box<dyn Error + Send + Sync>;

/// Displays an error and all its causes: `loading batch: connecting: refused`.
pub fn chain<'a>(error: &'a (dyn Error + 'a)) -> impl fmt::Display + 'a {
    Chain(error)
}

/// Converts the result of `main` into an exit code, and logs the error.
pub fn exit(result: Result<(), BoxError>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(cause) => {
            error!(error = %chain(cause.as_ref()), "function terminated with an error");
            ExitCode::FAILURE
        }
    }
}

struct Chain<'a>(&'a (dyn Error + 'a));

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("loading the batch")]
    struct Outer(#[source] std::num::ParseIntError);

    #[test]
    fn whole_chain_is_printed_once() {
        let error = Outer("x".parse::<u8>().unwrap_err());

        assert_eq!(
            chain(&error).to_string(),
            "loading the batch: invalid digit found in string"
        );
    }
}
