# SPDX-License-Identifier: LGPL-2.1-or-later
"""Values of RFC 9605, appendix C, and of draft-barnes-sframe-iana-256."""

# (KID, CTR, header): every length of each, and both together.
HEADERS = [
    (0, 0, "00"),
    (0, 1, "01"),
    (0, 255, "08ff"),
    (0, 256, "090100"),
    (0, 65535, "09ffff"),
    (0, 65536, "0a010000"),
    (0, 16777215, "0affffff"),
    (0, 16777216, "0b01000000"),
    (0, 4294967295, "0bffffffff"),
    (0, 4294967296, "0c0100000000"),
    (0, 1099511627775, "0cffffffffff"),
    (0, 1099511627776, "0d010000000000"),
    (0, 281474976710655, "0dffffffffffff"),
    (0, 281474976710656, "0e01000000000000"),
    (0, 72057594037927935, "0effffffffffffff"),
    (0, 72057594037927936, "0f0100000000000000"),
    (0, 18446744073709551615, "0fffffffffffffffff"),
    (1, 0, "10"),
    (1, 1, "11"),
    (255, 0, "80ff"),
    (255, 255, "88ffff"),
    (256, 0, "900100"),
    (256, 256, "9901000100"),
    (65535, 0, "90ffff"),
    (65535, 65535, "99ffffffff"),
    (65536, 0, "a0010000"),
    (65536, 65536, "aa010000010000"),
    (16777215, 0, "a0ffffff"),
    (16777215, 16777215, "aaffffffffffff"),
    (16777216, 0, "b001000000"),
    (16777216, 16777216, "bb0100000001000000"),
    (4294967295, 0, "b0ffffffff"),
    (4294967295, 4294967295, "bbffffffffffffffff"),
    (4294967296, 0, "c00100000000"),
    (4294967296, 4294967296, "cc01000000000100000000"),
    (1099511627775, 0, "c0ffffffffff"),
    (1099511627775, 1099511627775, "ccffffffffffffffffffff"),
    (1099511627776, 0, "d0010000000000"),
    (1099511627776, 1099511627776, "dd010000000000010000000000"),
    (281474976710655, 0, "d0ffffffffffff"),
    (281474976710655, 281474976710655, "ddffffffffffffffffffffffff"),
    (281474976710656, 0, "e001000000000000"),
    (281474976710656, 281474976710656, "ee0100000000000001000000000000"),
    (72057594037927935, 0, "e0ffffffffffffff"),
    (72057594037927935, 72057594037927935, "eeffffffffffffffffffffffffffff"),
    (72057594037927936, 0, "f00100000000000000"),
    (72057594037927936, 72057594037927936, "ff01000000000000000100000000000000"),
    (18446744073709551615, 0, "f0ffffffffffffffff"),
    (18446744073709551615, 18446744073709551615, "ffffffffffffffffffffffffffffffffff"),
]

# The same for all suites.
NONCE = "101112131415161718191a1b"
METADATA = "4945544620534672616d65205747"  # and the AEAD's additional data
PLAINTEXT = "64726166742d696574662d736672616d652d656e63"
KID = 0x123
CTR = 0x4567
BASE_KEY = "000102030405060708090a0b0c0d0e0f"

# AES-CTR with HMAC, of keys that are the bytes 0, 1, 2 and so on.
CTR_HMAC = {
    1: "6339af04ada1d064688a442b8dc69d5b6bfa40f4bef0583e8081069cc60705",
    2: "6339af04ada1d064688a442b8dc69d5b6bfa40f4be6e93b7da076927bb",
    3: "6339af04ada1d064688a442b8dc69d5b6bfa40f4be09480509",
    6: "f861831490fa37f8e284a1994021589564a23bf3050eb0e0ace45930d53a7f",
    7: "f861831490fa37f8e284a1994021589564a23bf30508ee5fb61b88f889",
    8: "f861831490fa37f8e284a1994021589564a23bf305131a979b",
}

# Whole frames, and what is derived on the way.
FRAMES = {
    1: dict(
        key=(
            "3f7d9a7c83ae8e1c8a11ae695ab59314b367e359fadac7b9c46b2bc6f81f46e16b96f081"
            "1868d59402b7e870102720b3"
        ),
        salt="50b29329a04dc0f184ac3168",
        nonce="50b29329a04dc0f184ac740f",
        frame=(
            "9901234567449408b6f490086165b9d6f62b24ae1a59a56486b4ae8ed036b88912e24f11"
        ),
    ),
    2: dict(
        key=(
            "e2ec5c797540310483b16bf6e7a570d2a27d192fe869c7ccd8584a8d9dab91549fbe553f"
            "5113461ec6aa83bf3865553e"
        ),
        salt="e68ac8dd3d02fbcd368c5577",
        nonce="e68ac8dd3d02fbcd368c1010",
        frame="99012345673f31438db4d09434e43afa0f8a2f00867a2be085046a9f5cb4f101d607",
    ),
    3: dict(
        key=(
            "2c5703089cbb8c583475e4fc461d97d18809df79b6d550f78eb6d50ffa80d89211d57909"
            "934f46f5405e38cd583c69fe"
        ),
        salt="38c16e4f5159700c00c7f350",
        nonce="38c16e4f5159700c00c7b637",
        frame="990123456717fc8af28a5a695afcfc6c8df6358a17e26b2fcb3bae32e443",
    ),
    4: dict(
        key="d34f547f4ca4f9a7447006fe7fcbf768",
        salt="75234edefe07819026751816",
        nonce="75234edefe07819026755d71",
        frame=(
            "9901234567b7412c2513a1b66dbb48841bbaf17f598751176ad847681a69c6d0b091c070"
            "18ce4adb34eb"
        ),
    ),
    5: dict(
        key="d3e27b0d4a5ae9e55df01a70e6d4d28d969b246e2936f4b7a5d9b494da6b9633",
        salt="84991c167b8cd23c93708ec7",
        nonce="84991c167b8cd23c9370cba0",
        frame=(
            "990123456794f509d36e9beacb0e261d99c7d1e972f1fed787d4049f17ca21353c1cc24d"
            "56ceabced279"
        ),
    ),
}
