//! What goes wrong with a call.

use crate::{call::Call, dice::Dice};

/// A fault of one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Nothing, but time.
    None,
    /// Refused with an error that may pass.
    Refused(u16, &'static str),
    /// The connection breaks before the call has an effect.
    Cut,
    /// The connection breaks after it.
    Lost,
    /// No response comes, and the effect neither.
    Silence,
    /// The effect comes so many milliseconds later, to a caller that is not there any more, maybe.
    Late(u64),
    /// The response ends in the middle of its body.
    Truncated,
    /// The process ends before the call has an effect.
    KilledBefore,
    /// The process ends after the call's effect, without a response.
    KilledAfter,
}

/// How often calls fail in a schedule.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Faults {
    /// So many more.
    pub(crate) left: u64,
    /// One call in so many.
    pub(crate) one_in: u64,
}

impl Faults {
    pub(crate) fn of_seed(dice: &mut Dice) -> Self {
        Self {
            left: dice.below(12),
            one_in: *dice.pick(&[2, 5, 10, 20]),
        }
    }

    pub(crate) fn next(&mut self, call: &Call, dice: &mut Dice) -> Fault {
        if self.left == 0 || !dice.chance(1, self.one_in) {
            return Fault::None;
        }
        self.left -= 1;
        let refusals = [
            Fault::Refused(500, "InternalError"),
            Fault::Refused(503, "SlowDown"),
            Fault::Refused(409, "ConditionalRequestConflict"),
            Fault::Cut,
            Fault::Silence,
        ];
        let other = if call.is_write() {
            let late = Fault::Late(dice.between(100, 15_000));
            *dice.pick(&[Fault::Lost, late, Fault::KilledBefore, Fault::KilledAfter])
        } else {
            *dice.pick(&[Fault::Truncated, Fault::KilledBefore])
        };
        if dice.chance(2, 3) {
            return other;
        }
        match *dice.pick(&refusals) {
            // Only of conditional writes.
            Fault::Refused(409, _) if !matches!(call, Call::Put { .. }) => Fault::Cut,
            refusal => refusal,
        }
    }
}
