//! Guesses, tags and admission.

use alloc::{collections::BTreeMap, vec::Vec};
use core::time::Duration;

use proptest::prelude::*;

use crate::pairing::{
    Admission, Admitted, GUESSES_ONE_TO_ONE, Guesses, MAX_TAGS, MAX_WAITING, Reservation, TagBudget, Ticket,
    WAITING_EXPIRES,
};

const ZERO: Duration = Duration::ZERO;

fn source(number: u8) -> [u8; 16] {
    [number; 16]
}

fn granted(reservation: Reservation) -> Ticket {
    match reservation {
        Reservation::Granted(ticket) => ticket,
        other => panic!("{other:?}"),
    }
}

#[test]
fn three_wrong_guesses_kill_a_code() {
    let mut guesses = Guesses::new(GUESSES_ONE_TO_ONE);
    for left in [2, 1, 0] {
        let ticket = granted(guesses.reserve(ZERO, source(1)));
        assert_eq!(guesses.spend(ticket), left);
    }
    assert_eq!(guesses.reserve(ZERO, source(1)), Reservation::Exhausted);
    assert_eq!(guesses.reserve(ZERO, source(2)), Reservation::Exhausted);
    guesses.renew(GUESSES_ONE_TO_ONE);
    let _ticket = granted(guesses.reserve(ZERO, source(1)));
}

#[test]
fn a_thousand_connections_get_no_more_than_three() {
    let mut guesses = Guesses::new(3);
    let mut tickets = Vec::new();
    for address in 0..=255 {
        for _ in 0..4 {
            if let Reservation::Granted(ticket) = guesses.reserve(ZERO, source(address)) {
                tickets.push(ticket);
            }
        }
    }
    assert_eq!((tickets.len(), guesses.in_flight()), (3, 3));
    let last = tickets.pop().unwrap();
    assert_eq!(guesses.spend(last), 2);
    assert_eq!(guesses.reserve(ZERO, source(3)), Reservation::Wait, "two are left and two are in flight");
}

#[test]
fn neither_silence_nor_success_costs_a_guess() {
    let mut guesses = Guesses::new(1);
    for round in 0..100 {
        let ticket = granted(guesses.reserve(ZERO, source(1)));
        if round % 2 == 0 { guesses.refund(ticket) } else { guesses.success(ticket) }
    }
    assert_eq!((guesses.left(), guesses.in_flight()), (1, 0));
}

#[test]
fn one_at_a_time_from_each_address_and_in_turns() {
    let mut guesses = Guesses::new(1);
    let ticket = granted(guesses.reserve(ZERO, source(1)));
    // The attacker keeps asking; two others come once each.
    for number in [1, 2, 1, 3, 1] {
        assert_eq!(guesses.reserve(ZERO, source(number)), Reservation::Wait);
    }
    guesses.refund(ticket);
    assert_eq!(guesses.reserve(ZERO, source(3)), Reservation::Wait, "not its turn");
    let ticket = granted(guesses.reserve(ZERO, source(1)));
    assert_eq!(guesses.reserve(ZERO, source(1)), Reservation::Wait, "behind the others now");
    guesses.refund(ticket);
    assert_eq!(guesses.reserve(ZERO, source(1)), Reservation::Wait);
    let ticket = granted(guesses.reserve(ZERO, source(2)));
    guesses.refund(ticket);
    let ticket = granted(guesses.reserve(ZERO, source(3)));
    guesses.refund(ticket);
    let _ticket = granted(guesses.reserve(ZERO, source(1)));
}

#[test]
fn an_address_in_flight_does_not_hold_up_those_behind_it() {
    let mut guesses = Guesses::new(2);
    let _first = granted(guesses.reserve(ZERO, source(1)));
    assert_eq!(guesses.reserve(ZERO, source(1)), Reservation::Wait);
    let _second = granted(guesses.reserve(ZERO, source(2)));
}

#[test]
fn the_queue_is_bounded_and_forgets_who_left() {
    let mut guesses = Guesses::new(1);
    let ticket = granted(guesses.reserve(ZERO, source(255)));
    for number in 0..u8::try_from(MAX_WAITING).unwrap() {
        assert_eq!(guesses.reserve(ZERO, source(number)), Reservation::Wait);
    }
    assert_eq!(guesses.reserve(ZERO, source(200)), Reservation::Full);
    guesses.leave(&source(0));
    assert_eq!(guesses.reserve(ZERO, source(200)), Reservation::Wait);
    guesses.refund(ticket);
    assert_eq!(guesses.reserve(ZERO, source(200)), Reservation::Wait, "others are before it");
    // Those who did not ask again in time have lost their places.
    let _ticket = granted(guesses.reserve(WAITING_EXPIRES, source(200)));
}

#[test]
fn tickets_of_another_code_or_twice_count_nothing() {
    let mut guesses = Guesses::new(2);
    let old = granted(guesses.reserve(ZERO, source(1)));
    guesses.renew(2);
    let fresh = granted(guesses.reserve(ZERO, source(1)));
    assert_eq!(guesses.spend(old), 2);
    assert_eq!(guesses.in_flight(), 1);
    assert_eq!(guesses.spend(fresh), 1);
}

#[test]
fn three_tags_and_no_more() {
    let mut budget = TagBudget::default();
    for left in (0..MAX_TAGS).rev() {
        assert!(budget.take());
        assert_eq!(budget.left(), left);
    }
    assert!(!budget.take());
    budget.give_back();
    assert!(budget.take() && !budget.take());
    for _ in 0..10 {
        budget.give_back();
    }
    assert_eq!(budget.left(), MAX_TAGS);
}

#[test]
fn a_code_belongs_to_the_first_that_uses_it() {
    let mut admission = Admission::new();
    assert_eq!(admission.admitted(), None);
    assert_eq!(admission.ask(&[1; 32]), Admitted::First);
    assert_eq!(admission.ask(&[2; 32]), Admitted::CodeUsed);
    assert_eq!(admission.ask(&[1; 32]), Admitted::Again);
    assert_eq!(Admission::of([3; 32]).ask(&[1; 32]), Admitted::CodeUsed);
    assert_eq!(Admission::of([3; 32]).ask(&[3; 32]), Admitted::Again);
}

proptest! {
    /// Whatever connections do: no more wrong tags than the code takes, no more in flight than are left, one for
    /// each address.
    #[test]
    fn guesses_hold_their_promises(limit in 0u32..6, steps in prop::collection::vec((0u8..8, 0u8..4, 0u64..3000), 0..200)) {
        let mut guesses = Guesses::new(limit);
        let (mut now, mut spent) = (Duration::ZERO, 0);
        let mut held: BTreeMap<u8, Ticket> = BTreeMap::new();
        for (number, action, later) in steps {
            now += Duration::from_millis(later);
            match (action, held.remove(&number)) {
                (0, Some(ticket)) => guesses.refund(ticket),
                (1, Some(ticket)) => guesses.success(ticket),
                (2, Some(ticket)) => { guesses.spend(ticket); spent += 1; }
                (3, kept) => {
                    let reservation = guesses.reserve(now, source(number));
                    if let Some(ticket) = kept {
                        let refused = matches!(reservation, Reservation::Wait | Reservation::Exhausted);
                        prop_assert!(refused);
                        held.insert(number, ticket);
                    } else if let Reservation::Granted(ticket) = reservation {
                        held.insert(number, ticket);
                    }
                }
                (_, None) => guesses.leave(&source(number)),
                _ => unreachable!(),
            }
            prop_assert_eq!(guesses.in_flight(), held.len());
            prop_assert!(held.len() <= guesses.left() as usize);
            prop_assert_eq!(guesses.left() + spent, limit);
        }
    }

    /// Nobody who keeps asking waits for ever, however often others do.
    #[test]
    fn everybody_gets_a_turn(pushy in prop::collection::vec(0u8..5, 0..100)) {
        let mut guesses = Guesses::new(1);
        let mut now = Duration::ZERO;
        let _ = guesses.reserve(now, source(0)).take_granted().map(|ticket| guesses.refund(ticket));
        let mut turns = 0;
        for number in pushy {
            now += Duration::from_millis(100);
            if guesses.reserve(now, source(9)).take_granted().map(|ticket| guesses.refund(ticket)).is_some() {
                return Ok(());
            }
            if let Some(ticket) = guesses.reserve(now, source(number)).take_granted() {
                guesses.refund(ticket);
                turns += 1;
            }
        }
        prop_assert!(turns <= 5, "{turns} turns of others while one waited");
    }
}

trait TakeGranted {
    fn take_granted(self) -> Option<Ticket>;
}

impl TakeGranted for Reservation {
    fn take_granted(self) -> Option<Ticket> {
        match self {
            Reservation::Granted(ticket) => Some(ticket),
            _ => None,
        }
    }
}
