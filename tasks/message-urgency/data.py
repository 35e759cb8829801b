"""Messages to a store and how urgent each is: a problem, a circumstance and a closing, whose points are added up."""

from __future__ import annotations

# What happened, and 0 to 5 points.
_PROBLEMS = {
    "Somebody is buying things with my stored card, and it is not me.": 5,
    "The heater that you sent began to smoke as soon as I plugged it in.": 5,
    "My password was changed by a stranger, and I am locked out.": 5,
    "The medicine fridge that I ordered arrived broken, and insulin is lying on the counter.": 5,
    "You have charged my account four times for one pair of shoes.": 4,
    "The courier left the parcel on the street, and now it is gone.": 4,
    "My order went to an address where I have not lived for two years.": 4,
    "The battery of the scooter gets too hot to touch when it charges.": 4,
    "The order cannot be paid for: every card that I try is refused.": 3,
    "The lamp came with a crack in the glass.": 3,
    "You sent a blue coat in place of a green one, and two sizes too small.": 3,
    "The tracking page has said the same for eleven days.": 3,
    "A discount that you promised was not taken off my bill.": 2,
    "The desk lacks four of its screws, so I cannot put it together.": 2,
    "I have waited for my refund a little longer than you said.": 2,
    "The second of the two boxes has not come yet.": 2,
    "The name on my invoice is misspelled.": 1,
    "I would like to send back a scarf that I do not need.": 1,
    "The app shows me prices in another currency.": 1,
    "My points of last month are not on my account yet.": 1,
    "I wonder whether the teapot will be made in red again.": 0,
    "Your newsletter reaches me twice.": 0,
    "I like the new website, only the letters are rather small.": 0,
    "Do you have a shop that one can visit?": 0,
}
# By when, and 0 to 3 points.
_CIRCUMSTANCES = {
    "It is needed tonight.": 3,
    "If nothing happens within the hour, it will be too late.": 3,
    "There are small children in the house.": 3,
    "We leave for the airport tomorrow morning.": 2,
    "The party is on Friday.": 2,
    "I have written to you twice already.": 2,
    "It would be good to know this week.": 1,
    "I am a customer of many years.": 1,
    "There is no hurry at all.": 0,
    "Whenever you find the time.": 0,
}
# How it ends, and 0 to 2 points.
_CLOSINGS = {"Call me at once!": 2, "Please help.": 1, "Thank you.": 0, "Kind regards.": 0, "": 0}


def load() -> dict[str, list[str | int]]:
    """Return every problem in every circumstance, the closings taking turns; `urgency` is the sum of the points, 0 to 10."""
    closings = list(_CLOSINGS.items())
    found: dict[str, list[str | int]] = {"message": [], "urgency": [], "problem": []}
    for number, (problem, first) in enumerate(_PROBLEMS.items()):
        for place, (circumstance, second) in enumerate(_CIRCUMSTANCES.items()):
            # Steps of 2 through 5 closings: each stands with every problem twice, and beside every circumstance.
            closing, third = closings[(number + 2 * place) % len(closings)]
            found["message"].append(" ".join(part for part in (problem, circumstance, closing) if part))
            found["urgency"].append(first + second + third)
            found["problem"].append(f"problem {number + 1}")
    return found
