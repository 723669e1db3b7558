//! The behaviour of a proxy.

/// The server or pooler that a proxy imitates.
#[derive(Clone, Debug)]
pub enum Behaviour {
    /// Like a server with TLS.
    Tls {
        /// Its certificate, in PEM form.
        certificate: String,
        /// The certificate's key, in PEM form.
        key: String,
    },
    /// Like RDS Proxy: without `options`.
    RdsProxy,
    /// Like `PgBouncer` in session mode: only the parameters that it supports.
    SessionPooler,
    /// Like `PgBouncer` in transaction mode, with one connection to the server.
    TransactionPooler,
    /// Refuses the first logins with an SQLSTATE, and passes the others on.
    Refusing {
        /// How many.
        logins: usize,
        /// The code.
        sqlstate: &'static str,
    },
    /// Answers statements that contain a text with an SQLSTATE, and passes the others on.
    Failing {
        /// The text.
        text: &'static str,
        /// The code.
        sqlstate: &'static str,
    },
}
