//! The part of Postgres's protocol that a proxy in front of a server needs.
//! <https://www.postgresql.org/docs/current/protocol-message-formats.html>

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

const SSL_REQUEST: u32 = 80_877_103;
const PROTOCOL_3_0: u32 = 3 << 16;

/// The first packet of a client.
pub(crate) struct Startup {
    /// The whole packet.
    pub(crate) bytes: Vec<u8>,
    /// The names of its parameters.
    pub(crate) names: Vec<String>,
}

/// A message: its kind and all its bytes.
pub(crate) struct Message {
    pub(crate) kind: u8,
    pub(crate) bytes: Vec<u8>,
}

/// Waits for a client's request for TLS, and accepts it; false if it requests something else.
pub(crate) async fn agrees_on_tls<S>(stream: &mut S) -> io::Result<bool>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let asked = stream.read_u64().await? == (8 << 32) + u64::from(SSL_REQUEST);
    if asked {
        stream.write_all(b"S").await?;
    }
    Ok(asked)
}

/// Reads the first packet, after refusing TLS.
pub(crate) async fn read_startup<S>(stream: &mut S) -> io::Result<Startup>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    loop {
        let length = stream.read_u32().await?;
        let mut rest = vec![0; body_length(length, 4)?];
        stream.read_exact(&mut rest).await?;
        if rest == SSL_REQUEST.to_be_bytes() {
            stream.write_all(b"N").await?;
            continue;
        }
        let parameters = rest.get(4..).unwrap_or_default();
        let texts: Vec<_> = parameters.split(|byte| *byte == 0).collect();
        let names = texts
            .chunks(2)
            .filter(|pair| pair.len() == 2 && !pair[0].is_empty());
        let names = names
            .map(|pair| String::from_utf8_lossy(pair[0]).into_owned())
            .collect();
        let mut bytes = length.to_be_bytes().to_vec();
        bytes.extend(rest);
        return Ok(Startup { bytes, names });
    }
}

/// Reads one message.
pub(crate) async fn read_message<S: AsyncRead + Unpin>(stream: &mut S) -> io::Result<Message> {
    let kind = stream.read_u8().await?;
    let length = stream.read_u32().await?;
    let mut bytes = vec![kind];
    bytes.extend(length.to_be_bytes());
    bytes.resize(5 + body_length(length, 4)?, 0);
    stream.read_exact(&mut bytes[5..]).await?;
    Ok(Message { kind, bytes })
}

fn body_length(length: u32, counted: u32) -> io::Result<usize> {
    let body = length
        .checked_sub(counted)
        .ok_or(io::ErrorKind::InvalidData)?;
    usize::try_from(body).map_err(io::Error::other)
}

impl Message {
    /// Whether it is a statement, to be run or prepared, that contains a text.
    pub(crate) fn is_statement_with(&self, text: &str) -> bool {
        let mut windows = self.bytes.windows(text.len());
        matches!(self.kind, b'Q' | b'P') && windows.any(|window| window == text.as_bytes())
    }

    /// Whether the server reports that it is ready and in no transaction.
    pub(crate) fn ends_transaction(&self) -> bool {
        self.kind == b'Z' && self.bytes.last() == Some(&b'I')
    }
}

/// The message with which a server ends a connection.
pub(crate) fn fatal(sqlstate: &str, text: &str) -> Vec<u8> {
    failure("FATAL", sqlstate, text)
}

/// The message with which a server refuses a statement.
pub(crate) fn error(sqlstate: &str, text: &str) -> Vec<u8> {
    failure("ERROR", sqlstate, text)
}

fn failure(severity: &str, sqlstate: &str, text: &str) -> Vec<u8> {
    let body = format!("S{severity}\0V{severity}\0C{sqlstate}\0M{text}\0\0");
    message(b'E', body.as_bytes())
}

/// The message of a server that is ready and in no transaction.
pub(crate) fn ready() -> Vec<u8> {
    message(b'Z', b"I")
}

/// The message of a server that accepts a login.
pub(crate) fn welcome() -> Vec<u8> {
    let mut bytes = message(b'R', &0_u32.to_be_bytes());
    bytes.extend(message(b'K', &[0; 8]));
    bytes.extend(ready());
    bytes
}

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 4).unwrap_or(u32::MAX);
    let mut bytes = vec![kind];
    bytes.extend(length.to_be_bytes());
    bytes.extend(body);
    bytes
}

/// Whether a server requests authentication or accepts the login, and does not report that it is starting.
pub(crate) async fn takes_logins<S>(stream: &mut S) -> bool
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut packet = PROTOCOL_3_0.to_be_bytes().to_vec();
    packet.extend(b"user\0postgres\0database\0postgres\0\0");
    let length = u32::try_from(packet.len() + 4).unwrap_or(u32::MAX);
    let mut bytes = length.to_be_bytes().to_vec();
    bytes.extend(packet);
    stream.write_all(&bytes).await.is_ok()
        && read_message(stream)
            .await
            .is_ok_and(|answer| answer.kind == b'R')
}
