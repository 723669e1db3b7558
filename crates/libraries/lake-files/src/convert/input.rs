//! A raw object's bytes, expanded, window by window.

use std::io::{self, ErrorKind, Read};

use event_model::ByteForm;

use super::{
    records::Splitter,
    sink::{MAX_RECORD_BYTES, Sink, WindowEnd},
};
use crate::gzip::Expanded;

/// What is expanded at once: it should still be in the processor's cache when it is read.
const WINDOW_BYTES: usize = 1 << 20;

/// Reads `expanded` to its end and gives its records to `sink`. Holds no more of it than one record of the
/// largest size. Whenever the splitter stops because the sink is full, `make_room` is called.
///
/// An input that breaks off, since its gzip is damaged, is no error: what came before is taken, and the break is rejected.
/// One that is compressed in another way, or a second time, or text of another encoding, is one rejection.
pub(crate) fn read_records<S: Sink, E: From<io::Error>>(
    mut expanded: Expanded<'_>,
    sink: &mut S,
    mut make_room: impl FnMut(&mut S) -> Result<(), E>,
) -> Result<(), E> {
    let mut splitter = Splitter::default();
    let mut window = Window::new();
    let mut is_start = true;
    loop {
        let (tail, broken) = match window.fill(&mut expanded) {
            Ok(tail) => (tail, None),
            Err(error) if expanded.is_damage(&error) => (WindowEnd::Open, Some(error)),
            Err(error) => return Err(error.into()),
        };
        if std::mem::take(&mut is_start)
            && let Some(form) = ByteForm::of(window.bytes())
        {
            Splitter::refuse(window.bytes(), form, sink);
            return Ok(());
        }
        loop {
            let used = splitter.advance(window.bytes(), tail, sink);
            window.use_up(used);
            if !sink.is_full() {
                break;
            }
            make_room(sink)?;
        }
        if let Some(error) = broken {
            splitter.give_up(window.bytes(), format!("damaged gzip: {error}"), sink);
            return Ok(());
        }
        if tail == WindowEnd::End {
            return Ok(());
        }
    }
}

/// The piece of the input that is being looked at.
struct Window {
    bytes: Vec<u8>,
    start: usize,
    end: usize,
}

impl Window {
    fn new() -> Self {
        Self {
            bytes: vec![0; WINDOW_BYTES],
            start: 0,
            end: 0,
        }
    }

    fn bytes(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    fn use_up(&mut self, len: usize) {
        self.start += len;
    }

    /// Moves what is left to the front and reads until the window is full or the input ends. A window of which nothing was
    /// used holds a part of one record, and grows.
    fn fill(&mut self, input: &mut dyn Read) -> io::Result<WindowEnd> {
        self.bytes.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        if self.end == self.bytes.len() {
            self.bytes.resize((2 * self.end).min(MAX_RECORD_BYTES), 0);
        }
        while self.end < self.bytes.len() {
            match input.read(&mut self.bytes[self.end..]) {
                Ok(0) => return Ok(WindowEnd::End),
                Ok(len) => self.end += len,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(WindowEnd::Open)
    }
}
