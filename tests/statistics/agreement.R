# What R says of agreement: Rscript agreement.R writes agreement.json, with the data that it drew.
# Needs psych and jsonlite (Debian: r-base-core r-cran-psych r-cran-jsonlite).
suppressPackageStartupMessages({
  library(psych)
  library(jsonlite)
})

# Shrout and Fleiss, Psychol. Bull. 86, 1979, Table 2: six things rated by four judges.
published <- rbind(c(9, 2, 5, 8), c(6, 1, 3, 2), c(8, 4, 6, 8), c(7, 1, 2, 6), c(10, 5, 6, 9), c(6, 2, 4, 7))

set.seed(1)
draw <- function(n, bias, noise) {
  things <- rnorm(n, 0.7, 0.15)
  round(sapply(bias, function(shift) things + shift + rnorm(n, 0, noise)), 4)
}
ratings <- list(published = published, two = draw(20, c(0, 0.05), 0.06), three = draw(12, c(0, 0.1, -0.1), 0.2),
                unrelated = round(matrix(rnorm(30), 15), 4))
of_ratings <- lapply(ratings, function(table) {
  said <- ICC(table, lmer = FALSE)$results["Single_random_raters", ]
  list(ratings = table, icc = c(said$ICC, said$`lower bound`, said$`upper bound`))
})

# Differences of independent pairs, and of four pairs in each of nine units.
pairs <- draw(25, c(0, 0.04), 0.05)
gap <- pairs[, 1] - pairs[, 2]
unit <- rep(1:9, each = 4)
repeated <- round(rnorm(9, 0.1, 0.3)[unit] + rnorm(36, 0, 0.2), 4)
squares <- unlist(lapply(summary(aov(repeated ~ 1 + Error(factor(unit)))), function(part) part[[1]]$`Mean Sq`))
means <- as.numeric(tapply(repeated, unit, mean))

write(toJSON(list(
  versions = list(R = R.version.string, psych = as.character(packageVersion("psych"))),
  ratings = of_ratings,
  pairs = list(
    pairs = pairs, bias = as.numeric(t.test(gap)$estimate), interval = as.numeric(t.test(gap)$conf.int),
    deviation = sd(gap)
  ),
  repeated = list(
    difference = repeated, unit = unit, bias = mean(repeated), interval = as.numeric(t.test(means)$conf.int),
    # Of a balanced design: between units (B - W) / m, within them W.
    deviation = sqrt(unname((squares[1] - squares[2]) / 4 + squares[2]))
  )
), auto_unbox = TRUE, digits = 12), "agreement.json")
